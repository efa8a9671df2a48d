// Answers of name servers: whatever comes, a Reply or an error; a signature is good only if we made it.
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "dnsupdater/message.h"

namespace {

using namespace ha::dns;

struct Asked {
  TsigKey key;
  Request query;
  Request update;
};

const ha::WallTime kNow(std::chrono::seconds(1'800'000'000));

Asked make_asked() {
  TsigKey key{Name::parse("fra.key").value(), TsigAlgorithm::HmacSha256,
              ha::sys::Secret::copy_of("0123456789abcdef").value()};
  const Name name = Name::parse("sip.example.net").value();
  Request query = make_query({name, RrType::A}, 0x1234, &key, kNow).value();
  Request update = make_update({name, {{Need::NameInUse, name}}}, 0x1234, key, kNow).value();
  return {std::move(key), std::move(query), std::move(update)};
}

// `wire` as an answer to `request`: its ID, QR and opcode are put right, so that the rest is looked at.
void read_as(ha::Bytes wire, const Request& request, const TsigKey& key) {
  if (wire.size() >= kHeaderBytes) {
    wire[0] = 0x12;
    wire[1] = 0x34;
    wire[2] = static_cast<char>(request.is_update ? 0xa8 : 0x84);
  }
  const auto reply = read_reply(wire, request, &key, kNow);
  if (reply.ok()) {
    HA_ASSERT(reply->tsig != TsigVerdict::Good && reply->tsig != TsigVerdict::ServerBadTime);
    for (const Rr& rr : reply->answers) {
      static_cast<void>(gather(reply->answers, rr.name, rr.type));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Asked asked = make_asked();
  const ha::Bytes input(reinterpret_cast<const char*>(data), size);
  static_cast<void>(lay_out(input));
  read_as(input, asked.query, asked.key);
  read_as(input, asked.update, asked.key);
  // With our question in front, so that the fuzzer has to find the RRs only.
  const Layout layout = lay_out(asked.query.wire).value();
  if (size >= kHeaderBytes) {
    ha::Bytes answer = input.substr(0, kHeaderBytes);
    answer.replace(4, 2, ha::Bytes("\0\1", 2));
    answer += asked.query.wire.substr(kHeaderBytes, layout.question->end - kHeaderBytes);
    answer += input.substr(kHeaderBytes);
    read_as(answer, asked.query, asked.key);
  }
  return 0;
}
