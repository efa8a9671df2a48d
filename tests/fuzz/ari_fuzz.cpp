// HTTP and the JSON of ARI, any bytes of them: whatever is cut where, the same response or an error (where
// the limit of a chunk's extension is found depends on the cut); what we ask cannot be two requests, and a
// contact that we send reads back.
//
// Seeds: tests/pbx/fixtures/*.http.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/http.h"
#include "common/base/json.h"
#include "common/pbx/ari.h"

namespace {

using namespace ha;
using namespace ha::pbx;

const HttpLimits kLimits{1'000, 5'000};

Result<HttpResponse> read(const std::vector<BytesView>& pieces) {
  HttpReader reader(kLimits);
  for (const BytesView piece : pieces) {
    HA_TRY(const bool is_whole, reader.feed(piece));
    static_cast<void>(is_whole);
  }
  HA_CHECK(reader.end());
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
  const auto is_limit = [](const Result<HttpResponse>& each) {
    return !each.ok() && each.error().code() == Code::Exhausted;
  };
  HA_ASSERT(whole.ok() == pieces.ok() || is_limit(whole) || is_limit(pieces));
  if (whole.ok() && pieces.ok()) {
    HA_ASSERT(whole->status == pieces->status && whole->body == pieces->body);
    read_all(*whole);
  }
  read_all({200, {}, Bytes(input), true});
  write_request(input);
  return 0;
}
