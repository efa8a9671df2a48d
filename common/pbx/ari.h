// Asterisk's REST interface: requests, and what their responses say. Without a connection (ari_client.h).
//
// Its events (a WebSocket) are not here: AMI has them. Pure. Source: docs/pbx.md, "ARI";
// Asterisk 16.28, 22.10.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/http.h"
#include "common/base/result.h"
#include "common/pbx/fields.h"

namespace ha::pbx {

// A user of ari.conf. `secret` is borrowed.
struct AriLogin {
  std::string user;
  BytesView secret;
  std::string prefix{};  // of http.conf: "/asterisk"
};

[[nodiscard]] Result<HttpRequest> ari_request(const AriLogin& login, std::string_view method,
                                              std::string_view path, Bytes body = {});

struct AriInfo {
  std::string version;      // "16.28.0~dfsg-0+deb11u4"
  std::string system_name;  // empty unless it has one
  std::string started;      // "2026-11-22T02:07:06.317+0000"
  std::string reloaded;     // the same
};
struct AriChannel {
  std::string id;
  std::string name;
  std::string state;  // "Up"
};

[[nodiscard]] std::string_view ari_info_path() noexcept;
[[nodiscard]] std::string_view ari_channels_path() noexcept;
// `id` as its row in AstDB has it: "<aor>;@<32 hex>".
[[nodiscard]] std::string ari_contact_path(std::string_view id);
// Body of the PUT of a contact. Invalid if a value is not UTF-8.
[[nodiscard]] Result<Bytes> ari_contact_body(const std::vector<Field>& attributes);

// An answer that is no success, as an Error: Denied (401, 403), NotFound (404), Unavailable (5xx), else
// Invalid, with Asterisk's message.
[[nodiscard]] Status check_ari(const HttpResponse& response);
// These include check_ari(). Corrupt if the body is not what was asked for.
[[nodiscard]] Result<AriInfo> read_ari_info(const HttpResponse& response);
[[nodiscard]] Result<std::vector<AriChannel>> read_ari_channels(const HttpResponse& response);
// Attributes of a contact, from GET or PUT.
[[nodiscard]] Result<Fields> read_ari_contact(const HttpResponse& response);

}  // namespace ha::pbx
