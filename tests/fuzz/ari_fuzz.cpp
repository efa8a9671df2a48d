// HTTP and the JSON of ARI, any bytes of them: whatever is cut where, the same response or an error; what we
// ask cannot be two requests, and a contact that we send reads back.
//
// Seeds: tests/pbx/fixtures/*.http.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/http.h"
#include "common/base/json.h"
#include "common/pbx/ari.h"

namespace {

using namespace ha;
using namespace ha::pbx;

const HttpLimits kLimits{1'000, 5'000};

std::optional<HttpResponse> read(const std::vector<BytesView>& pieces) {
  HttpReader reader(kLimits);
  for (const BytesView piece : pieces) {
    if (!reader.feed(piece).ok()) {
      return std::nullopt;
    }
  }
  if (!reader.end().ok()) {
    return std::nullopt;
  }
  HttpResponse out = reader.take();
  HA_ASSERT(out.body.size() <= kLimits.body_bytes_max);
  return out;
}

void read_all(const HttpResponse& response) {
  static_cast<void>(check_ari(response));
  static_cast<void>(read_ari_info(response));
  static_cast<void>(read_ari_channels(response));
  static_cast<void>(read_ari_contact(response));
}

void write_request(BytesView text) {
  const auto body = ari_contact_body({{"user_agent", Bytes(text)}});
  if (body.ok()) {
    const auto back = read_json(*body);
    HA_ASSERT(back.ok() && back->find("fields")->list()->at(0).text_at("value") == text);
  }
  const auto request =
      ari_request({"ha", text, ""}, "PUT", ari_contact_path(text), body.ok() ? *body : Bytes());
  const auto bytes = encode_http(*request, "127.0.0.1:8088");
  HA_ASSERT(bytes.ok());
  HA_ASSERT(bytes->find("\r\n\r\n") == bytes->size() - request->body.size() - 4);
  const auto odd = encode_http({Bytes(text), "/" + Bytes(text), {{Bytes(text), Bytes(text)}}, {}}, text);
  HA_ASSERT(!odd.ok() || odd->find("\r\n\r\n") == odd->size() - 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(reinterpret_cast<const char*>(data), size);
  const auto whole = read({input});
  const std::size_t cut = size == 0 ? 0 : data[size - 1] * size / 256;
  const auto pieces = read({input.substr(0, cut), input.substr(cut)});
  HA_ASSERT(whole.has_value() == pieces.has_value());
  if (whole) {
    HA_ASSERT(whole->status == pieces->status && whole->body == pieces->body);
    read_all(*whole);
  }
  read_all({200, {}, Bytes(input), true});
  write_request(input);
  return 0;
}
