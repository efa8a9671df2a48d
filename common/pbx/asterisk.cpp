#include "common/pbx/asterisk.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ha::pbx {
namespace {

constexpr std::string_view kUserEventPrefix = "hareplicate::";
constexpr std::string_view kChannelUp = "6";

Error lacks(std::string_view action, std::string_view field) {
  return {Code::Corrupt, "the answer to " + std::string(action) + " has no " + std::string(field)};
}

std::string both(const AmiMessage& message, std::string_view date, std::string_view time) {
  return std::string(message.text(date)) + " " + std::string(message.text(time));
}

Reach reach_of(std::string_view status) {
  if (same_name(status, "Reachable")) {
    return Reach::Reachable;
  }
  if (same_name(status, "Unreachable")) {
    return Reach::Unreachable;
  }
  return same_name(status, "NonQualified") ? Reach::NotQualified : Reach::Unknown;
}

// Of an event ContactStatusDetail, or ContactList, which names some fields otherwise.
PjsipContact contact_of(const AmiMessage& message) {
  const bool is_detail = same_name(message.event(), "ContactStatusDetail");
  PjsipContact out;
  out.id = message.text(is_detail ? "ID" : "ObjectName");
  out.aor = is_detail ? std::string(message.text("AOR")) : out.id.substr(0, out.id.find(";@"));
  out.uri = message.text("URI");
  out.endpoint = message.text(is_detail ? "EndpointName" : "Endpoint");
  out.reach = reach_of(message.text("Status"));
  if (const auto round_trip = message.fields.count("RoundtripUsec")) {
    constexpr std::uint64_t kHour = 3'600'000'000;
    out.round_trip = std::chrono::microseconds(std::min(*round_trip, kHour));
  }
  out.expires_at_s = message.fields.count(is_detail ? "RegExpire" : "ExpirationTime");
  if (out.expires_at_s == 0U) {  // of one that pjsip.conf names
    out.expires_at_s.reset();
  }
  return out;
}

}  // namespace

AmiAction ask_core_status() {
  return {"CoreStatus"};
}

Result<CoreStatus> read_core_status(const AmiAnswer& answer) {
  HA_CHECK(answer.check());
  const AmiMessage& message = answer.response;
  const auto calls = message.fields.count("CoreCurrentCalls");
  if (message.text("CoreStartupDate").empty() || message.text("CoreStartupTime").empty()) {
    return lacks("CoreStatus", "CoreStartupDate and CoreStartupTime");
  }
  if (!calls) {
    return lacks("CoreStatus", "CoreCurrentCalls");
  }
  return CoreStatus{both(message, "CoreStartupDate", "CoreStartupTime"),
                    both(message, "CoreReloadDate", "CoreReloadTime"), *calls,
                    message.fields.count("CoreProcessedCalls")};
}

AmiAction ask_channels() {
  return {"CoreShowChannels"};
}

Result<ChannelCounts> read_channels(const AmiAnswer& answer) {
  HA_CHECK(answer.check());
  ChannelCounts out;
  std::set<std::string_view> calls;
  for (const AmiMessage& each : answer.items) {
    if (!same_name(each.event(), "CoreShowChannel")) {
      continue;
    }
    const std::string_view call = each.text("Linkedid");
    if (call.empty()) {
      return lacks("CoreShowChannels", "Linkedid");
    }
    ++out.channels;
    out.answered += each.text("ChannelState") == kChannelUp ? 1U : 0U;
    calls.insert(call);
  }
  out.calls = calls.size();
  return out;
}

AmiAction ask_contacts() {
  return {"PJSIPShowRegistrationInboundContactStatuses"};
}

AmiAction ask_endpoint(std::string_view endpoint) {
  return {"PJSIPShowEndpoint", {{"Endpoint", std::string(endpoint)}}};
}

Result<std::vector<PjsipContact>> read_contacts(const AmiAnswer& answer) {
  const std::string_view message = trimmed(answer.response.text("Message"));
  if (message == "No Contacts found") {  // PJSIPShowContacts takes none for an error
    return std::vector<PjsipContact>();
  }
  if (message.starts_with("Unable to retrieve endpoint")) {
    return Error(Code::NotFound, escape(message), "see pjsip.conf");
  }
  HA_CHECK(answer.check());
  std::vector<PjsipContact> out;
  for (const AmiMessage& each : answer.items) {
    if (!same_name(each.event(), "ContactStatusDetail") && !same_name(each.event(), "ContactList")) {
      continue;  // what else PJSIPShowEndpoint tells of the endpoint
    }
    out.push_back(contact_of(each));
    if (out.back().aor.empty() || out.back().uri.empty()) {
      return lacks("a question for contacts", out.back().aor.empty() ? "AOR" : "URI");
    }
  }
  return out;
}

ContactCounts count_contacts(const std::vector<PjsipContact>& contacts) {
  ContactCounts out;
  for (const PjsipContact& each : contacts) {
    ++out.all;
    switch (each.reach) {
      case Reach::Reachable:
        ++out.reachable;
        break;
      case Reach::Unreachable:
        ++out.unreachable;
        break;
      case Reach::NotQualified:
        ++out.not_qualified;
        break;
      case Reach::Unknown:
        break;
    }
  }
  return out;
}

AmiAction ask_outbound_registrations() {
  return {"PJSIPShowRegistrationsOutbound"};
}

Result<std::vector<OutboundRegistration>> read_outbound_registrations(const AmiAnswer& answer) {
  HA_CHECK(answer.check());
  std::vector<OutboundRegistration> out;
  for (const AmiMessage& each : answer.items) {
    if (!same_name(each.event(), "OutboundRegistrationDetail")) {
      continue;  // AuthDetail
    }
    const std::string_view status = each.text("Status");
    if (status.empty()) {
      return lacks("PJSIPShowRegistrationsOutbound", "Status");
    }
    out.push_back({std::string(each.text("ObjectName")), std::string(each.text("ServerUri")),
                   std::string(each.text("ClientUri")), std::string(status),
                   same_name(status, "Registered")});
  }
  return out;
}

AmiAction ask_command(std::string_view command) {
  return {"Command", {{"Command", std::string(command)}}};
}

Result<std::vector<std::string>> read_command(const AmiAnswer& answer) {
  const auto output = answer.response.fields.all("Output");
  const auto status = answer.check();
  if (!status.ok()) {
    return output.empty() ? status.error() : Error(Code::Invalid, escape(trimmed(output.back())));
  }
  return std::vector<std::string>(output.begin(), output.end());
}

AmiAction send_user_event(std::string_view name, const std::vector<Field>& fields) {
  AmiAction out{"UserEvent", {{"UserEvent", std::string(kUserEventPrefix) + std::string(name)}}};
  out.fields.insert(out.fields.end(), fields.begin(), fields.end());
  return out;
}

std::optional<std::string_view> our_user_event(const AmiMessage& message) {
  const std::string_view name = message.text("UserEvent");
  return same_name(message.event(), "UserEvent") && name.starts_with(kUserEventPrefix)
             ? std::optional(name.substr(kUserEventPrefix.size()))
             : std::nullopt;
}

Result<AmiAction> put_db(std::string_view family, std::string_view key, std::string_view value) {
  if (value.starts_with(' ') || value.starts_with('\t')) {
    return Error(Code::Invalid, "AstDB row " + in_quotes(key) + ": AMI drops blanks at the front of a value");
  }
  return AmiAction{"DBPut",
                   {{"Family", std::string(family)}, {"Key", std::string(key)}, {"Val", std::string(value)}}};
}

AmiAction delete_db(std::string_view family, std::string_view key) {
  return {"DBDel", {{"Family", std::string(family)}, {"Key", std::string(key)}}};
}

Status read_db_change(const AmiAnswer& answer) {
  if (trimmed(answer.response.text("Message")) == "Database entry could not be deleted") {
    return Error(Code::NotFound, "there is no such row in AstDB");
  }
  return answer.check();
}

AmiAction ask_db_tree(std::string_view family) {
  return {"DBGetTree", {{"Family", std::string(family)}}};
}

Result<std::vector<AstDbRow>> read_db_tree(const AmiAnswer& answer) {
  HA_CHECK(answer.check());
  std::vector<AstDbRow> out;
  for (const AmiMessage& each : answer.items) {
    const std::string* const key = each.fields.find("Key");
    const std::string* const value = each.fields.find("Val");
    if (key == nullptr || value == nullptr) {
      return lacks("DBGetTree", key == nullptr ? "Key" : "Val");
    }
    out.push_back({*key, *value});
  }
  return out;
}

}  // namespace ha::pbx
