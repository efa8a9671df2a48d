#include "common/pbx/ari.h"

#include "common/base/json.h"

namespace ha::pbx {
namespace {

constexpr std::string_view kContacts = "/asterisk/config/dynamic/res_pjsip/contact/";

Result<JsonValue> json_of(const HttpResponse& response) {
  HA_CHECK(check_ari(response));
  auto value = read_json(response.body);
  if (!value.ok()) {
    return std::move(value).error().in("answer of ARI");
  }
  return value;
}

Error unexpected() {
  return {Code::Corrupt, "the answer of ARI is not what was asked for"};
}

}  // namespace

Result<HttpRequest> ari_request(const AriLogin& login, std::string_view method, std::string_view path,
                                Bytes body) {
  HA_TRY(const std::string credentials, basic_credentials(login.user, login.secret));
  HttpRequest out{
      std::string(method), login.prefix + "/ari" + std::string(path), {{"Authorization", credentials}}, {}};
  if (!body.empty()) {
    out.fields.push_back({"Content-Type", "application/json"});
    out.body = std::move(body);
  }
  return out;
}

std::string_view ari_info_path() noexcept {
  return "/asterisk/info";
}

std::string_view ari_channels_path() noexcept {
  return "/channels";
}

std::string ari_contact_path(std::string_view id) {
  return std::string(kContacts) + percent_encode(id);
}

Result<Bytes> ari_contact_body(const std::vector<Field>& attributes) {
  Bytes out;
  for (const auto& [name, value] : attributes) {
    HA_TRY(const std::string attribute, json_exact(name));
    HA_TRY(const std::string text, json_exact(value));
    out.append(out.empty() ? "" : ",").append("{\"attribute\":").append(attribute);
    out.append(",\"value\":").append(text).append("}");
  }
  return "{\"fields\":[" + out + "]}";
}

Status check_ari(const HttpResponse& response) {
  if (response.status / 100 == 2) {
    return ok();
  }
  const auto body = read_json(response.body);
  const std::string message = body.ok() ? escape(body->text_at("message")) : std::string();
  const std::string said =
      "ARI says " + std::to_string(response.status) + (message.empty() ? "" : ": " + message);
  switch (response.status) {
    case 401:
      return Error(Code::Denied, said, "see user and password in ari.conf");
    case 403:
      return Error(Code::Denied, said,
                   "see read_only in ari.conf, and what the object is made by in sorcery.conf");
    case 404:
      return Error(Code::NotFound, said,
                   message.empty() ? "see enabled in ari.conf, and prefix in http.conf" : "");
    default:
      return Error(response.status / 100 == 5 ? Code::Unavailable : Code::Invalid, said);
  }
}

Result<AriInfo> read_ari_info(const HttpResponse& response) {
  HA_TRY(const JsonValue value, json_of(response));
  const JsonValue* const system = value.find("system");
  const JsonValue* const config = value.find("config");
  const JsonValue* const status = value.find("status");
  if (system == nullptr || config == nullptr || status == nullptr || system->text_at("version").empty()) {
    return unexpected();
  }
  return AriInfo{std::string(system->text_at("version")), std::string(config->text_at("name")),
                 std::string(status->text_at("startup_time")),
                 std::string(status->text_at("last_reload_time"))};
}

Result<std::vector<AriChannel>> read_ari_channels(const HttpResponse& response) {
  HA_TRY(const JsonValue value, json_of(response));
  if (value.list() == nullptr) {
    return unexpected();
  }
  std::vector<AriChannel> out;
  for (const JsonValue& each : *value.list()) {
    if (each.text_at("id").empty()) {
      return unexpected();
    }
    out.push_back({std::string(each.text_at("id")), std::string(each.text_at("name")),
                   std::string(each.text_at("state"))});
  }
  return out;
}

Result<Fields> read_ari_contact(const HttpResponse& response) {
  HA_TRY(const JsonValue value, json_of(response));
  if (value.list() == nullptr) {
    return unexpected();
  }
  Fields out;
  for (const JsonValue& each : *value.list()) {
    if (each.text_at("attribute").empty()) {
      return unexpected();
    }
    out.add(std::string(each.text_at("attribute")), std::string(each.text_at("value")));
  }
  return out;
}

}  // namespace ha::pbx
