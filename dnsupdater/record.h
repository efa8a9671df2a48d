// What a guard says: the text of the TXT record that every swap compares and replaces.
//
// A text has one encoding, so that records are equal exactly if their bytes are. No I/O and no clock; nonces
// come from the caller (sys::random_bytes). Thread safety: values. Format: docs/dns.md, "The record".
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "dnsupdater/address.h"
#include "dnsupdater/rrset.h"

namespace ha::dns {

inline constexpr std::size_t kRecordBytesMax = 4000;
inline constexpr std::size_t kIdBytesMax = 253;
inline constexpr std::size_t kSiteBytesMax = 32;
inline constexpr std::size_t kEligibleMax = 64;
inline constexpr std::size_t kPoolAddressesMax = 64;
inline constexpr std::uint64_t kCounterMax = 999'999'999'999'999'999;  // of epoch and seq: 18 digits

enum class HoldState { Own, Free, Drain };
[[nodiscard]] std::string_view hold_state_text(HoldState state) noexcept;

enum class AddressState { In, Draining, Maint, Down };
[[nodiscard]] std::string_view address_state_text(AddressState state) noexcept;
// Invalid, with the choices in the hint.
[[nodiscard]] Result<AddressState> parse_address_state(std::string_view text);

struct PoolAddress {
  Address address;
  AddressState state = AddressState::In;
  std::uint16_t weight = 0;

  bool operator==(const PoolAddress&) const = default;
};

// How far a guard is. Every change raises it: the epoch, or within an epoch seq.
struct Version {
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;

  auto operator<=>(const Version&) const = default;
};

struct Record {
  std::string id;
  std::string owner;  // a site; empty: nobody, which is written as "-"
  Version version;
  HoldState state = HoldState::Free;       // Free exactly if nobody is the owner
  Digest nonce;                            // of the last change; never zero
  std::optional<Digest> config;            // "cfg"
  std::vector<std::string> eligible = {};  // by name, each once
  std::vector<PoolAddress> at = {};        // by address, each once

  bool operator==(const Record&) const = default;
};

// Invalid if a field breaks its rule (our own bug, or names that should not have got this far); Exhausted
// past kRecordBytesMax or the counts above.
[[nodiscard]] Result<std::string> encode(const Record& record);
// Unsupported for another version of the format; Corrupt for all else that encode() would not have written.
[[nodiscard]] Result<Record> parse_record(BytesView text);

// The character strings of a text: all but the last are full. Back: Corrupt if they are split otherwise, or
// too long in all.
[[nodiscard]] std::vector<Bytes> split_strings(BytesView text);
[[nodiscard]] Result<Bytes> join_strings(const std::vector<Bytes>& strings);

// A record as the one rdata of its guard, and back from what was read there.
[[nodiscard]] Result<Rdata> record_rdata(const Record& record);
// Corrupt or Unsupported as above, Corrupt if there are several TXT records, Conflict if its id is not `id`.
[[nodiscard]] Result<Record> record_of(const RrSet& guard, std::string_view id);

// "_ha.<labels>.<zone>" of a service, and "_ha.<name>" of any other name. Invalid if that is too long.
[[nodiscard]] Result<Name> guard_name(std::string_view labels, const Name& zone);
[[nodiscard]] Result<Name> guard_name(const Name& name);
[[nodiscard]] bool is_guard_name(const Name& name) noexcept;

// The first record of a guard, held by nobody: epoch 0, seq 1. `seen`, of a guard that was lost: goes on
// after it. All of these: Invalid for a zero nonce or one that is not new, Exhausted past kCounterMax.
[[nodiscard]] Result<Record> first_record(std::string_view id, const Digest& nonce, Version seen = {});
// One change more: seq + 1, the nonce; all else as before. `beyond`: what was seen of it before a person has
// accepted less. What nobody holds goes on after it; what somebody holds keeps its epoch, which is that
// holder's, and goes on after it within this epoch.
[[nodiscard]] Result<Record> next_record(const Record& before, const Digest& nonce, Version beyond = {});
// A site takes it: epoch + 1 unless it is the owner already, state own.
[[nodiscard]] Result<Record> taken_record(const Record& before, std::string_view site, const Digest& nonce);
// Given up: nobody's, state free, the epoch stays (but see `beyond` above).
[[nodiscard]] Result<Record> freed_record(const Record& before, const Digest& nonce, Version beyond = {});

// What a read-back says about a change.
enum class Fate {
  Ours,        // it is there
  Lost,        // another change has taken its place: it never was there
  Overtaken,   // somebody went on since, from it or from another: not in force, and nobody can tell more
  NotApplied,  // the guard is what it was before
  Regression,  // gone, older than before, or not what anybody wrote: for a person to look at
};
// `before`: what the change was made from; none: there was no guard. `now`: what is there.
[[nodiscard]] Fate fate_of(const Record& sent, const std::optional<Record>& before,
                           const std::optional<Record>& now);
// Whether a guard has gone back behind what this site has seen of it; none seen: never.
[[nodiscard]] bool is_regression(const std::optional<Version>& seen, const std::optional<Record>& now);

}  // namespace ha::dns
