// Asterisk's REST interface over a connection that is kept while Asterisk keeps it: for workers, which it
// blocks.
//
// Thread safety: one thread. Source: docs/pbx.md, "ARI".
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/base/http.h"
#include "common/base/result.h"
#include "common/pbx/address.h"
#include "common/pbx/ari.h"
#include "common/pbx/connection.h"

namespace ha::pbx {

class AriClient {
 public:
  // Connects when it has something to ask. The secret of `login` must outlive it.
  AriClient(PbxAddress at, AriLogin login) noexcept : at_(std::move(at)), login_(std::move(login)) {}

  // GET, PUT or DELETE: it is sent again on a new connection when a kept one turns out to be closed. Whatever
  // ARI answers, also its errors: see check_ari(). Unavailable, TimedOut, Cancelled, Corrupt, Exhausted.
  [[nodiscard]] Result<HttpResponse> perform(std::string_view method, std::string_view path, Bytes body,
                                             const Patience& patience);

  [[nodiscard]] Result<AriInfo> info(const Patience& patience);
  [[nodiscard]] Result<std::vector<AriChannel>> channels(const Patience& patience);
  // A contact of res_pjsip; `id` as its row in AstDB has it. NotFound.
  [[nodiscard]] Result<Fields> contact(std::string_view id, const Patience& patience);
  // Made, or changed; what it is then.
  [[nodiscard]] Result<Fields> put_contact(std::string_view id, const std::vector<Field>& attributes,
                                           const Patience& patience);
  Status delete_contact(std::string_view id, const Patience& patience);

 private:
  // nullopt: the connection has ended before anything came.
  [[nodiscard]] Result<std::optional<HttpResponse>> exchange(Bytes request, const Patience& patience);

  PbxAddress at_;
  AriLogin login_;
  std::optional<Connection> connection_;
};

}  // namespace ha::pbx
