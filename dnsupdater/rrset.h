// Names, types, rdata and RRsets of DNS: what is read, wanted and compared.
//
// Rdata is opaque: wire bytes in canonical form, and the text that people see. Text is made into wire by
// message.h; the few forms that we build ourselves are made here. No I/O, no library.
//
// Thread safety: values. Source: RFC 1035 (names, TXT), 2782 (SRV), 3597 (unknown types), 4034 section 6
// (canonical form and order).
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

namespace ha::dns {

inline constexpr std::size_t kLabelBytesMax = 63;
inline constexpr std::size_t kNameWireBytesMax = 255;
inline constexpr std::size_t kRdataBytesMax = 65'535;
inline constexpr std::size_t kStringBytesMax = 255;  // a character string of TXT
inline constexpr std::uint32_t kTtlMaxS = 0x7fff'ffff;

// A domain name, absolute, in lower case: letters, digits, '-' and '_' in labels, or a label that is "*".
class Name {
 public:
  Name() = default;  // the root
  // With or without the last dot. Invalid, saying which rule it breaks; escapes (\.) are none of ours.
  [[nodiscard]] static Result<Name> parse(std::string_view text);
  // From uncompressed wire form, whole. Corrupt if that is none, Invalid if it is not a Name as above.
  [[nodiscard]] static Result<Name> from_wire(BytesView wire);

  // Without the last dot; the root is ".".
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // With it, as zone files and nsupdate want it.
  [[nodiscard]] std::string absolute() const;
  [[nodiscard]] Bytes wire() const;
  // The same or below.
  [[nodiscard]] bool is_in(const Name& zone) const noexcept;
  // "labels.<this name>". Invalid as parse().
  [[nodiscard]] Result<Name> below(std::string_view labels) const;

  // By their text: an order, not the canonical one.
  auto operator<=>(const Name&) const = default;

 private:
  std::string text_ = ".";
};

// Any 16-bit type may come; these are those that we know by name.
enum class RrType : std::uint16_t {
  A = 1,
  Ns = 2,
  Cname = 5,
  Soa = 6,
  Ptr = 12,
  Mx = 15,
  Txt = 16,
  Aaaa = 28,
  Srv = 33,
  Naptr = 35,
  Dname = 39,
  Rrsig = 46,
  Tlsa = 52,
  Svcb = 64,
  Https = 65,
  Any = 255,
  Caa = 257,
};
// "A", "SRV", "TYPE65280".
[[nodiscard]] std::string type_text(RrType type);
// The same back, in any case. Invalid, with the known ones in the hint.
[[nodiscard]] Result<RrType> parse_type(std::string_view text);

struct Rdata {
  Bytes wire;        // canonical: names in it uncompressed and in lower case
  std::string text;  // as in a zone file, names absolute

  // The text says nothing that the bytes do not.
  bool operator==(const Rdata& other) const noexcept { return wire == other.wire; }
  auto operator<=>(const Rdata& other) const noexcept { return wire <=> other.wire; }
};
[[nodiscard]] Rdata address_rdata(const Address& address);  // of A or AAAA
[[nodiscard]] Rdata srv_rdata(std::uint16_t priority, std::uint16_t weight, std::uint16_t port,
                              const Name& target);
// Invalid if there is no string or one is longer than kStringBytesMax; Exhausted past kRdataBytesMax.
[[nodiscard]] Result<Rdata> txt_rdata(const std::vector<Bytes>& strings);
// The strings of a TXT rdata; Corrupt if it is none.
[[nodiscard]] Result<std::vector<Bytes>> txt_strings(BytesView wire);

struct Rr {
  Name name;
  RrType type = RrType::A;
  std::uint32_t ttl_s = 0;
  Rdata rdata;
};

// All RRs of one name and type. Never empty: an RRset that does not exist is no RrSet.
struct RrSet {
  Name name;
  RrType type = RrType::A;
  std::uint32_t ttl_s = 0;        // the least, where they differ
  bool ttls_differ = false;       // as some servers allow it; never in what we make
  std::vector<Rdata> rdata = {};  // in canonical order, each once

  // Sorts, and drops what is there twice. Invalid if there is nothing, if a TTL is over kTtlMaxS or if an
  // rdata is too long.
  [[nodiscard]] static Result<RrSet> make(const Name& name, RrType type, std::uint32_t ttl_s,
                                          std::vector<Rdata> rdata);
  bool operator==(const RrSet&) const = default;
};

// The RRset of that name and type among `rrs`; none if there is no such RR.
[[nodiscard]] std::optional<RrSet> gather(const std::vector<Rr>& rrs, const Name& name, RrType type);
// Null if it is not among them.
[[nodiscard]] const RrSet* find_set(const std::vector<RrSet>& sets, const Name& name, RrType type) noexcept;
// One line for each RR, as in a zone file: "sip.example.net. 30 IN A 192.0.2.10".
[[nodiscard]] std::vector<std::string> zone_lines(const RrSet& set);

// A number of an SOA, by its field; none: it is not one.
inline constexpr std::size_t kSoaSerial = 2;
inline constexpr std::size_t kSoaMinimum = 6;
[[nodiscard]] std::optional<std::uint32_t> soa_number(const RrSet& soa, std::size_t field);
// How many changes `theirs` is behind `ours`; negative: ahead. RFC 1982.
[[nodiscard]] std::int32_t serials_behind(std::uint32_t ours, std::uint32_t theirs) noexcept;

}  // namespace ha::dns
