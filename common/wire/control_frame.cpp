#include "common/wire/control_frame.h"

#include <sys/socket.h>

#include <algorithm>

namespace ha::wire {

Bytes control_frame(ControlKind kind, BytesView body) {
  Bytes out;
  out.reserve(kControlHeadBytes + body.size());
  put_u32(out, static_cast<std::uint32_t>(body.size() + 1));
  out += static_cast<char>(kind);
  out += body;
  return out;
}

Result<ControlHead> parse_control_head(BytesView head) {
  const std::size_t length = get_u32(head, 0);
  const auto kind = static_cast<std::uint8_t>(head[kControlHeadBytes - 1]);
  if (length == 0 || kind < static_cast<std::uint8_t>(ControlKind::Request) ||
      kind > static_cast<std::uint8_t>(ControlKind::Failure)) {
    return Error(Code::Corrupt, "the control socket carries something that is not ours");
  }
  if (length - 1 > kControlBytesMax) {
    return Error(Code::Exhausted, "a control message of " + std::to_string(length - 1) +
                                      " bytes is over the limit of " + std::to_string(kControlBytesMax));
  }
  return ControlHead{static_cast<ControlKind>(kind), length - 1};
}

Bytes encode_failure(const Error& error) {
  Bytes out;
  out += static_cast<char>(error.code());
  put_u32(out, static_cast<std::uint32_t>(error.what().size()));
  out += error.what();
  out += error.hint();
  return out;
}

Error decode_failure(BytesView body) {
  constexpr std::size_t kTextAt = 1 + sizeof(std::uint32_t);
  if (body.size() < kTextAt || get_u32(body, 1) > body.size() - kTextAt) {
    return Error(Code::Corrupt, "the daemon's error does not parse");
  }
  const std::size_t text_bytes = get_u32(body, 1);
  const Code code = code_of(static_cast<unsigned char>(body[0])).value_or(Code::Internal);
  return Error(code, std::string(body.substr(kTextAt, text_bytes)),
               std::string(body.substr(kTextAt + text_bytes)));
}

Result<sockaddr_un> control_address(const std::string& path) {
  sockaddr_un out{};
  if (path.empty() || path.size() >= sizeof out.sun_path) {
    return Error(Code::Invalid, "a socket path has 1 to 107 bytes: " + escape(path));
  }
  out.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), out.sun_path);
  return out;
}

}  // namespace ha::wire
