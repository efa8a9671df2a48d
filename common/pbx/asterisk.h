// What Asterisk's manager is asked, and what its answers mean.
//
// Every read_* begins with AmiAnswer::check(); Corrupt where an answer lacks what it always has. Pure.
// Source: docs/pbx.md, "What is read"; Asterisk 16.28 and 22.10 as seen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/pbx/ami.h"
#include "common/pbx/ami_session.h"

namespace ha::pbx {

struct CoreStatus {
  std::string started;   // "2026-11-20 21:57:24", in the time zone of Asterisk: another text, another start
  std::string reloaded;  // the same
  std::uint64_t calls = 0;
  std::optional<std::uint64_t> calls_processed;  // not in 16
};
[[nodiscard]] AmiAction ask_core_status();
[[nodiscard]] Result<CoreStatus> read_core_status(const AmiAnswer& answer);

struct ChannelCounts {
  std::uint64_t channels = 0;
  std::uint64_t answered = 0;  // of them
  std::uint64_t calls = 0;     // channels that belong together are one
};
[[nodiscard]] AmiAction ask_channels();
[[nodiscard]] Result<ChannelCounts> read_channels(const AmiAnswer& answer);

enum class Reach { Reachable, Unreachable, NotQualified, Unknown };
struct PjsipContact {
  std::string id;  // as in AstDB, "<aor>;@<32 hex>"
  std::string aor;
  std::string uri;
  std::string endpoint;
  Reach reach = Reach::Unknown;
  std::optional<Duration> round_trip;         // of the last OPTIONS
  std::optional<std::uint64_t> expires_at_s;  // since 1970; none: never
};
// Contacts that have registered; those that pjsip.conf names are not among them.
[[nodiscard]] AmiAction ask_contacts();
// All contacts of one endpoint: the way to see a trunk's.
[[nodiscard]] AmiAction ask_endpoint(std::string_view endpoint);
// NotFound: there is no such endpoint.
[[nodiscard]] Result<std::vector<PjsipContact>> read_contacts(const AmiAnswer& answer);

struct ContactCounts {
  std::uint64_t all = 0;
  std::uint64_t reachable = 0;
  std::uint64_t unreachable = 0;
  std::uint64_t not_qualified = 0;
};
[[nodiscard]] ContactCounts count_contacts(const std::vector<PjsipContact>& contacts);

struct OutboundRegistration {
  std::string name;
  std::string server_uri;
  std::string client_uri;
  std::string status;  // "Registered", "Unregistered", "Rejected", "Stopped"
  bool is_registered = false;
};
// Asterisk sends the passwords of the registrations with its answer: never log it.
[[nodiscard]] AmiAction ask_outbound_registrations();
[[nodiscard]] Result<std::vector<OutboundRegistration>> read_outbound_registrations(const AmiAnswer& answer);

// A command of the CLI, and the lines that it prints. Invalid with the last line when it fails.
[[nodiscard]] AmiAction ask_command(std::string_view command);
[[nodiscard]] Result<std::vector<std::string>> read_command(const AmiAnswer& answer);

// UserEvent hareplicate::<name>, to everybody who hears the class "user".
[[nodiscard]] AmiAction send_user_event(std::string_view name, const std::vector<Field>& fields);
// The name without hareplicate::, if this is such an event.
[[nodiscard]] std::optional<std::string_view> our_user_event(const AmiMessage& message);

struct AstDbRow {
  std::string key;  // "/family/key"
  std::string value;
};
// Invalid if `value` begins with a blank, which would not arrive.
[[nodiscard]] Result<AmiAction> put_db(std::string_view family, std::string_view key, std::string_view value);
[[nodiscard]] AmiAction delete_db(std::string_view family, std::string_view key);
// NotFound, of delete_db(), if there was no such row. Of both otherwise as check().
[[nodiscard]] Status read_db_change(const AmiAnswer& answer);
[[nodiscard]] AmiAction ask_db_tree(std::string_view family);
[[nodiscard]] Result<std::vector<AstDbRow>> read_db_tree(const AmiAnswer& answer);

}  // namespace ha::pbx
