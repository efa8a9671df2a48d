#include "dnsupdater/record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace ha::dns {
namespace {

constexpr std::string_view kVersion = "v=1";
constexpr std::string_view kNobody = "-";
constexpr std::string_view kGuardLabel = "_ha";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";
constexpr std::size_t kNonceDigits = 2 * kDigestBytes;

constexpr std::array<std::string_view, 3> kHoldStates = {"own", "free", "drain"};
constexpr std::array<std::string_view, 4> kAddressStates = {"in", "draining", "maint", "down"};

template <typename State, std::size_t count>
std::optional<State> state_of(std::string_view text, const std::array<std::string_view, count>& texts) {
  const auto found = std::find(texts.begin(), texts.end(), text);
  return found == texts.end() ? std::nullopt : std::optional(static_cast<State>(found - texts.begin()));
}

bool consists_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kLetters.find(c) != std::string_view::npos || kDigits.find(c) != std::string_view::npos ||
           more.find(c) != std::string_view::npos;
  });
}

bool is_site(std::string_view text) {
  return !text.empty() && text.size() <= kSiteBytesMax && text[0] != '-' && text[0] != '_' &&
         consists_of(text, "-_");
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kIdBytesMax && consists_of(text, "-_.*");
}

Error invalid(std::string_view what) {
  return {Code::Invalid, "a guard's record: " + std::string(what)};
}

Status check(const Record& record) {
  if (!is_id(record.id)) {
    return invalid("\"" + escape(record.id) + "\" is not a name that can be guarded")
        .hinted("use a-z 0-9 - _ . in names of services and pools");
  }
  if (!record.owner.empty() && !is_site(record.owner)) {
    return invalid("\"" + escape(record.owner) + "\" is not a site's name");
  }
  if ((record.state == HoldState::Free) != record.owner.empty()) {
    return invalid("it is free exactly if it has no owner");
  }
  if (record.version.epoch > kCounterMax || record.version.seq > kCounterMax || record.version.seq == 0) {
    return invalid("epoch or seq is out of bounds");
  }
  if (record.nonce.is_zero()) {
    return invalid("it has no nonce");
  }
  if (record.eligible.size() > kEligibleMax || record.at.size() > kPoolAddressesMax) {
    return Error(Code::Exhausted, "a guard's record has more than 64 sites or addresses",
                 "divide the pool into several names");
  }
  if (!std::all_of(record.eligible.begin(), record.eligible.end(), is_site) ||
      std::adjacent_find(record.eligible.begin(), record.eligible.end(), std::greater_equal<>()) !=
          record.eligible.end()) {
    return invalid("the eligible sites are not names in their order, each once");
  }
  const auto out_of_order = [](const PoolAddress& a, const PoolAddress& b) { return a.address >= b.address; };
  if (std::adjacent_find(record.at.begin(), record.at.end(), out_of_order) != record.at.end()) {
    return invalid("the addresses are not in their order, each once");
  }
  return ok();
}

std::string eligible_text(const std::vector<std::string>& sites) {
  std::string out;
  for (const std::string& site : sites) {
    out += (out.empty() ? "" : ",") + site;
  }
  return out;
}

std::string addresses_text(const std::vector<PoolAddress>& addresses) {
  std::string out;
  for (const PoolAddress& one : addresses) {
    out += (out.empty() ? "" : ",") + one.address.text() + '/' + std::string(address_state_text(one.state)) +
           '/' + std::to_string(one.weight);
  }
  return out;
}

// Takes the text apart. It is more liberal than the format; parse_record() compares with what encode() makes.
class Reader {
 public:
  explicit Reader(BytesView text) : rest_(text) {}

  // The value of the next field if that has this name.
  std::optional<std::string_view> take(std::string_view name) {
    if (!rest_.starts_with(name) || rest_.size() == name.size() || rest_[name.size()] != '=') {
      return std::nullopt;
    }
    rest_.remove_prefix(name.size() + 1);
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view value = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return value;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  BytesView rest_;
};

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

std::optional<Digest> digest_of(std::string_view text) {
  Digest out;
  if (text.size() != kNonceDigits) {
    return std::nullopt;
  }
  const char* const middle = text.data() + kNonceDigits / 2;
  const char* const end = text.data() + kNonceDigits;
  const bool whole = std::from_chars(text.data(), middle, out.high, 16).ptr == middle &&
                     std::from_chars(middle, end, out.low, 16).ptr == end;
  return whole ? std::optional(out) : std::nullopt;
}

// At most `count_max` parts; false if there are more.
bool split(std::string_view text, char by, std::size_t count_max, std::vector<std::string_view>& out) {
  for (std::size_t at = 0; at <= text.size();) {
    if (out.size() == count_max) {
      return false;
    }
    const std::size_t end = std::min(text.find(by, at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return true;
}

bool take_eligible(std::string_view text, Record& out) {
  std::vector<std::string_view> parts;
  if (!split(text, ',', kEligibleMax, parts)) {
    return false;
  }
  out.eligible.assign(parts.begin(), parts.end());
  return true;
}

bool take_addresses(std::string_view text, Record& out) {
  std::vector<std::string_view> parts;
  if (!split(text, ',', kPoolAddressesMax, parts)) {
    return false;
  }
  for (const std::string_view part : parts) {
    std::vector<std::string_view> fields;
    if (!split(part, '/', 3, fields) || fields.size() != 3) {
      return false;
    }
    auto address = Address::parse(fields[0]);
    const auto state = state_of<AddressState>(fields[1], kAddressStates);
    const auto weight = number_of<std::uint16_t>(fields[2]);
    if (!address.ok() || !state || !weight) {
      return false;
    }
    out.at.push_back({*address, *state, *weight});
  }
  return true;
}

// False if a field is missing, out of place or no value of its kind.
bool take_fields(Reader& reader, Record& out) {
  const auto id = reader.take("id");
  const auto owner = id ? reader.take("owner") : std::nullopt;
  const auto epoch = number_of<std::uint64_t>(owner ? reader.take("epoch").value_or("") : "");
  const auto seq = number_of<std::uint64_t>(epoch ? reader.take("seq").value_or("") : "");
  const auto state = state_of<HoldState>(seq ? reader.take("state").value_or("") : "", kHoldStates);
  const auto nonce = digest_of(state ? reader.take("n").value_or("") : "");
  if (!nonce) {
    return false;
  }
  out.id = *id;
  out.owner = *owner == kNobody ? "" : *owner;
  out.version = {*epoch, *seq};
  out.state = *state;
  out.nonce = *nonce;
  if (const auto config = reader.take("cfg")) {
    out.config = digest_of(*config);
    if (!out.config) {
      return false;
    }
  }
  if (const auto eligible = reader.take("eligible"); eligible && !take_eligible(*eligible, out)) {
    return false;
  }
  if (const auto at = reader.take("at"); at && !take_addresses(*at, out)) {
    return false;
  }
  return reader.at_end();
}

// Counts on, or says that there is no further.
Status count(std::uint64_t& counter) {
  if (counter >= kCounterMax) {
    return Error(Code::Exhausted, "a guard's counter has reached its end");
  }
  ++counter;
  return ok();
}

}  // namespace

std::string_view hold_state_text(HoldState state) noexcept {
  return kHoldStates[static_cast<std::size_t>(state)];
}

std::string_view address_state_text(AddressState state) noexcept {
  return kAddressStates[static_cast<std::size_t>(state)];
}

Result<AddressState> parse_address_state(std::string_view text) {
  if (const auto state = state_of<AddressState>(text, kAddressStates)) {
    return *state;
  }
  return Error(Code::Invalid,
               "\"" + escape(text.substr(0, kSiteBytesMax)) + "\" is not a state of an address",
               "use in, draining, maint or down");
}

Result<std::string> encode(const Record& record) {
  HA_CHECK(check(record));
  std::string out(kVersion);
  out += " id=" + record.id + " owner=" + (record.owner.empty() ? std::string(kNobody) : record.owner) +
         " epoch=" + std::to_string(record.version.epoch) + " seq=" + std::to_string(record.version.seq) +
         " state=" + std::string(hold_state_text(record.state)) + " n=" + hex(record.nonce);
  if (record.config) {
    out += " cfg=" + hex(*record.config);
  }
  if (!record.eligible.empty()) {
    out += " eligible=" + eligible_text(record.eligible);
  }
  if (!record.at.empty()) {
    out += " at=" + addresses_text(record.at);
  }
  if (out.size() > kRecordBytesMax) {
    return Error(Code::Exhausted, "a guard's record is longer than 4000 bytes",
                 "divide the pool into several names");
  }
  return out;
}

Result<Record> parse_record(BytesView text) {
  const Error corrupt(Code::Corrupt, "the text is not a record of ours");
  if (text.size() > kRecordBytesMax) {
    return corrupt;
  }
  Reader reader(text);
  const auto version = number_of<std::uint32_t>(reader.take("v").value_or(""));
  if (!version) {
    return corrupt;
  }
  if (*version != 1) {
    return Error(Code::Unsupported,
                 "the record has format " + std::to_string(*version) + "; this program knows format 1",
                 "use the dnsupdater that wrote it");
  }
  Record out;
  if (!take_fields(reader, out)) {
    return corrupt;
  }
  // Order, case, leading zeros, spellings of addresses, empty lists: whatever has a second way to be written.
  const auto again = encode(out);
  if (!again.ok() || *again != text) {
    return corrupt;
  }
  return out;
}

std::vector<Bytes> split_strings(BytesView text) {
  std::vector<Bytes> out;
  for (std::size_t at = 0; at < text.size(); at += kStringBytesMax) {
    out.emplace_back(text.substr(at, kStringBytesMax));
  }
  return out;
}

Result<Bytes> join_strings(const std::vector<Bytes>& strings) {
  Bytes out;
  for (std::size_t at = 0; at < strings.size(); ++at) {
    const bool fits = at + 1 < strings.size() ? strings[at].size() == kStringBytesMax
                                              : !strings[at].empty() && strings[at].size() <= kStringBytesMax;
    if (!fits || out.size() + strings[at].size() > kRecordBytesMax) {
      return Error(Code::Corrupt, "the strings of the TXT record are not split as we do it");
    }
    out += strings[at];
  }
  return out;
}

Result<Rdata> record_rdata(const Record& record) {
  HA_TRY(const std::string text, encode(record));
  return txt_rdata(split_strings(text));
}

Result<Record> record_of(const RrSet& guard, std::string_view id) {
  const std::string hint =
      "look with: dig +tcp " + guard.name.text() + " TXT; nothing is sent while it is there";
  const auto about = [&](Error error) {
    return (error.hint().empty() ? std::move(error).hinted(hint) : std::move(error)).in(guard.name.text());
  };
  if (guard.type != RrType::Txt || guard.rdata.size() != 1) {
    return about(Error(Code::Corrupt, "there is more than one TXT record"));
  }
  auto strings = txt_strings(guard.rdata[0].wire);
  if (!strings.ok()) {
    return about(std::move(strings).error());
  }
  auto text = join_strings(*strings);
  if (!text.ok()) {
    return about(std::move(text).error());
  }
  auto record = parse_record(*text);
  if (!record.ok()) {
    return about(std::move(record).error());
  }
  if (record->id != id) {
    return about(
        Error(Code::Conflict, "the record guards \"" + record->id + "\", not \"" + escape(id) + "\""));
  }
  return record;
}

Result<Name> guard_name(std::string_view labels, const Name& zone) {
  HA_TRY(const Name name, zone.below(labels));
  return guard_name(name);
}

Result<Name> guard_name(const Name& name) {
  return name.below(kGuardLabel);
}

bool is_guard_name(const Name& name) noexcept {
  return name.text().starts_with(kGuardLabel) && name.text().size() > kGuardLabel.size() &&
         name.text()[kGuardLabel.size()] == '.';
}

Result<Record> first_record(std::string_view id, const Digest& nonce, Version seen) {
  Record out{std::string(id), "", seen, HoldState::Free, nonce, std::nullopt};
  HA_CHECK(count(out.version.seq));
  HA_CHECK(check(out));
  return out;
}

Result<Record> next_record(const Record& before, const Digest& nonce, Version beyond) {
  if (nonce == before.nonce) {
    return invalid("a change needs a new nonce");
  }
  Record out = before;
  if (out.version < beyond && (out.owner.empty() || out.version.epoch == beyond.epoch)) {
    out.version = beyond;
  }
  out.nonce = nonce;
  HA_CHECK(count(out.version.seq));
  HA_CHECK(check(out));
  return out;
}

Result<Record> taken_record(const Record& before, std::string_view site, const Digest& nonce) {
  HA_TRY(Record out, next_record(before, nonce));
  if (out.owner != site) {
    HA_CHECK(count(out.version.epoch));
  }
  out.owner = site;
  out.state = HoldState::Own;
  HA_CHECK(check(out));
  return out;
}

Result<Record> freed_record(const Record& before, const Digest& nonce, Version beyond) {
  Record out = before;
  out.owner.clear();
  out.state = HoldState::Free;
  return next_record(out, nonce, beyond);
}

Fate fate_of(const Record& sent, const std::optional<Record>& before, const std::optional<Record>& now) {
  if (now == before) {
    return Fate::NotApplied;
  }
  if (!now) {
    return Fate::Regression;
  }
  if (now->nonce == sent.nonce) {
    return *now == sent ? Fate::Ours : Fate::Regression;
  }
  if (before && now->version <= before->version) {
    return Fate::Regression;
  }
  return now->version <= sent.version ? Fate::Lost : Fate::Overtaken;
}

bool is_regression(const std::optional<Version>& seen, const std::optional<Record>& now) {
  return seen && (!now || now->version < *seen);
}

}  // namespace ha::dns
