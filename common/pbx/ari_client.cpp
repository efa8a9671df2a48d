#include "common/pbx/ari_client.h"

#include <utility>

namespace ha::pbx {

Result<std::optional<HttpResponse>> AriClient::exchange(Bytes request, const Patience& patience) {
  HttpReader reader;
  for (;;) {
    HA_TRY(const Connection::Turn turn, connection_->turn(request, patience));
    HA_TRY(const bool is_whole, reader.feed(turn.received));
    if (is_whole) {
      break;
    }
    if (turn.has_ended && !reader.has_begun()) {
      return std::optional<HttpResponse>();
    }
    if (turn.has_ended) {
      HA_CHECK(reader.end());
      break;
    }
    if (turn.timed_out) {
      return Error(Code::TimedOut, "no answer");
    }
  }
  return std::optional(reader.take());
}

Result<HttpResponse> AriClient::perform(std::string_view method, std::string_view path, Bytes body,
                                        const Patience& patience) {
  const std::string where = "ARI " + at_.text();
  HA_TRY(const HttpRequest request, ari_request(login_, method, path, std::move(body)));
  HA_TRY(const Bytes bytes, encode_http(request, at_.text()));
  for (;;) {
    const bool is_kept = connection_.has_value();
    if (!is_kept) {
      auto opened = Connection::open(at_, patience);
      if (!opened.ok()) {
        return std::move(opened).error().in(where);
      }
      connection_.emplace(std::move(opened).value());
    }
    auto response = exchange(bytes, patience);
    if (!response.ok() || !response->has_value() || !(*response)->keep_alive) {
      connection_.reset();
    }
    if (!response.ok()) {
      return std::move(response).error().in(where);
    }
    if (response->has_value()) {
      return std::move(**response);
    }
    if (!is_kept) {
      return Error(Code::Unavailable, where + ": Asterisk has ended the connection without an answer");
    }
  }
}

Result<AriInfo> AriClient::info(const Patience& patience) {
  HA_TRY(const HttpResponse response, perform("GET", ari_info_path(), {}, patience));
  return read_ari_info(response);
}

Result<std::vector<AriChannel>> AriClient::channels(const Patience& patience) {
  HA_TRY(const HttpResponse response, perform("GET", ari_channels_path(), {}, patience));
  return read_ari_channels(response);
}

Result<Fields> AriClient::contact(std::string_view id, const Patience& patience) {
  HA_TRY(const HttpResponse response, perform("GET", ari_contact_path(id), {}, patience));
  return read_ari_contact(response);
}

Result<Fields> AriClient::put_contact(std::string_view id, const std::vector<Field>& attributes,
                                      const Patience& patience) {
  HA_TRY(Bytes body, ari_contact_body(attributes));
  HA_TRY(const HttpResponse response, perform("PUT", ari_contact_path(id), std::move(body), patience));
  return read_ari_contact(response);
}

Status AriClient::delete_contact(std::string_view id, const Patience& patience) {
  HA_TRY(const HttpResponse response, perform("DELETE", ari_contact_path(id), {}, patience));
  return check_ari(response);
}

}  // namespace ha::pbx
