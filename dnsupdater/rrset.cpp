#include "dnsupdater/rrset.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "dnsupdater/rdata_text.h"
#include "dnsupdater/wire.h"

namespace ha::dns {
namespace {

struct TypeName {
  RrType type;
  std::string_view text;
};
constexpr std::array<TypeName, 17> kTypes = {{{RrType::A, "A"},
                                              {RrType::Aaaa, "AAAA"},
                                              {RrType::Srv, "SRV"},
                                              {RrType::Naptr, "NAPTR"},
                                              {RrType::Txt, "TXT"},
                                              {RrType::Cname, "CNAME"},
                                              {RrType::Ptr, "PTR"},
                                              {RrType::Mx, "MX"},
                                              {RrType::Ns, "NS"},
                                              {RrType::Soa, "SOA"},
                                              {RrType::Caa, "CAA"},
                                              {RrType::Tlsa, "TLSA"},
                                              {RrType::Svcb, "SVCB"},
                                              {RrType::Https, "HTTPS"},
                                              {RrType::Dname, "DNAME"},
                                              {RrType::Rrsig, "RRSIG"},
                                              {RrType::Any, "ANY"}}};
constexpr std::string_view kUnknownType = "TYPE";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

template <typename Change>
std::string each(std::string_view text, Change change) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), change);
  return out;
}

Error no_name(std::string_view text, std::string_view why, std::string hint) {
  return {Code::Invalid,
          "\"" + escape(text.substr(0, kNameWireBytesMax)) + "\" is not a domain name: " + std::string(why),
          std::move(hint)};
}

Status check_label(std::string_view label, std::string_view whole) {
  if (label.empty()) {
    return no_name(whole, "a part is empty", "write it as sip.example.net");
  }
  if (label.size() > kLabelBytesMax) {
    return no_name(whole, "a part is longer than 63 characters", "shorten it");
  }
  if (label.find('\\') != std::string_view::npos) {
    return no_name(whole, "escapes are not supported", "use letters, digits, - and _ only");
  }
  const bool ascii = std::all_of(label.begin(), label.end(), [](char c) { return c > 0; });
  if (!ascii) {
    return no_name(whole, "it is not ASCII", "write it in the form that begins with xn--");
  }
  if (label != "*" &&
      label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string_view::npos) {
    return no_name(whole, "a character is not allowed", "use letters, digits, - and _ only");
  }
  return ok();
}

// As a zone file has it.
std::string quoted(BytesView bytes) {
  std::string out = "\"";
  for (const char c : bytes) {
    out += c == '"' || c == '\\' ? std::string{'\\', c} : zone_escape({&c, 1});
  }
  return out + '"';
}

}  // namespace

Result<Name> Name::parse(std::string_view text) {
  Name out;
  if (text == ".") {
    return out;
  }
  const std::string_view labels = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
  if (labels.size() + 2 > kNameWireBytesMax) {  // a length before, and the root after
    return no_name(text, "it is longer than 253 characters", "shorten it");
  }
  std::string whole = each(labels, lower);
  for (std::size_t at = 0; at <= whole.size();) {
    const std::size_t dot = std::min(whole.find('.', at), whole.size());
    HA_CHECK(check_label(std::string_view(whole).substr(at, dot - at), text));
    at = dot + 1;
  }
  out.text_ = std::move(whole);
  return out;
}

Result<Name> Name::from_wire(BytesView wire) {
  const Error corrupt(Code::Corrupt, "a name in wire form does not parse");
  if (wire.empty() || wire.size() > kNameWireBytesMax || wire.back() != '\0') {
    return corrupt;
  }
  std::string text;
  std::size_t at = 0;
  while (wire[at] != '\0') {
    const auto length = static_cast<unsigned char>(wire[at]);
    if (length > kLabelBytesMax || at + 1 + length >= wire.size()) {
      return corrupt;
    }
    const BytesView label = wire.substr(at + 1, length);
    if (label.find('.') != BytesView::npos) {
      return no_name(text + "\\.", "escapes are not supported", "use letters, digits, - and _ only");
    }
    text += std::string(label) + '.';
    at += 1U + length;
  }
  if (at + 1 != wire.size()) {
    return corrupt;
  }
  return parse(text.empty() ? "." : text);
}

std::string Name::absolute() const {
  return text_ == "." ? text_ : text_ + '.';
}

Bytes Name::wire() const {
  Bytes out;
  for (std::size_t at = 0; text_ != "." && at < text_.size();) {
    const std::size_t dot = std::min(text_.find('.', at), text_.size());
    out += static_cast<char>(dot - at);
    out.append(text_, at, dot - at);
    at = dot + 1;
  }
  out += '\0';
  return out;
}

bool Name::is_in(const Name& zone) const noexcept {
  if (zone.text_ == "." || text_ == zone.text_) {
    return true;
  }
  return text_.size() > zone.text_.size() && text_.ends_with(zone.text_) &&
         text_[text_.size() - zone.text_.size() - 1] == '.';
}

Result<Name> Name::below(std::string_view labels) const {
  return parse(std::string(labels) + '.' + (text_ == "." ? std::string() : text_));
}

std::string type_text(RrType type) {
  for (const TypeName& known : kTypes) {
    if (known.type == type) {
      return std::string(known.text);
    }
  }
  return std::string(kUnknownType) + std::to_string(static_cast<unsigned>(type));
}

Result<RrType> parse_type(std::string_view text) {
  const std::string wanted = each(text.substr(0, 16), upper);
  for (const TypeName& known : kTypes) {
    if (wanted == known.text && text.size() == wanted.size()) {
      return known.type;
    }
  }
  if (wanted.starts_with(kUnknownType) && text.size() == wanted.size()) {
    std::uint16_t number = 0;
    const char* const begin = wanted.data() + kUnknownType.size();
    const char* const end = wanted.data() + wanted.size();
    const auto parsed = std::from_chars(begin, end, number);
    if (parsed.ec == std::errc{} && parsed.ptr == end && std::to_string(number) == begin) {
      return static_cast<RrType>(number);
    }
  }
  return Error(
      Code::Invalid, "\"" + escape(text.substr(0, 16)) + "\" is not a type of DNS records",
      "use A, AAAA, SRV, NAPTR, TXT, CNAME, PTR, MX, NS, CAA, TLSA, SVCB, HTTPS or TYPE and its number");
}

Rdata address_rdata(const Address& address) {
  return {address.wire(), address.text()};
}

Rdata srv_rdata(std::uint16_t priority, std::uint16_t weight, std::uint16_t port, const Name& target) {
  Rdata out;
  put_be16(out.wire, priority);
  put_be16(out.wire, weight);
  put_be16(out.wire, port);
  out.wire += target.wire();
  out.text = std::to_string(priority) + ' ' + std::to_string(weight) + ' ' + std::to_string(port) + ' ' +
             target.absolute();
  return out;
}

Result<Rdata> txt_rdata(const std::vector<Bytes>& strings) {
  Rdata out;
  for (const Bytes& string : strings) {
    if (string.size() > kStringBytesMax) {
      return Error(Code::Invalid, "a string of a TXT record is longer than 255 bytes", "split it");
    }
    if (out.wire.size() + 1 + string.size() > kRdataBytesMax) {
      return Error(Code::Exhausted, "a TXT record is longer than 65535 bytes", "shorten it");
    }
    out.wire += static_cast<char>(string.size());
    out.wire += string;
    out.text += (out.text.empty() ? "" : " ") + quoted(string);
  }
  if (strings.empty()) {
    return Error(Code::Invalid, "a TXT record has no string", R"(write "" for an empty one)");
  }
  return out;
}

Result<std::vector<Bytes>> txt_strings(BytesView wire) {
  std::vector<Bytes> out;
  for (std::size_t at = 0; at < wire.size();) {
    const auto length = static_cast<unsigned char>(wire[at]);
    if (at + 1 + length > wire.size()) {
      return Error(Code::Corrupt, "a TXT record ends within a string");
    }
    out.emplace_back(wire.substr(at + 1, length));
    at += 1U + length;
  }
  if (out.empty()) {
    return Error(Code::Corrupt, "a TXT record has no string");
  }
  return out;
}

Result<RrSet> RrSet::make(const Name& name, RrType type, std::uint32_t ttl_s, std::vector<Rdata> rdata) {
  const std::string about = name.text() + ' ' + type_text(type);
  if (rdata.empty()) {
    return Error(Code::Invalid, about + " would have no record", "delete it instead");
  }
  if (ttl_s > kTtlMaxS) {
    return Error(Code::Invalid, about + ": the TTL is over 2147483647 s", "use 30s to 60s for a service");
  }
  if (std::any_of(rdata.begin(), rdata.end(),
                  [](const Rdata& one) { return one.wire.size() > kRdataBytesMax; })) {
    return Error(Code::Invalid, about + ": a record is longer than 65535 bytes", "shorten it");
  }
  std::sort(rdata.begin(), rdata.end());
  rdata.erase(std::unique(rdata.begin(), rdata.end()), rdata.end());
  return RrSet{name, type, ttl_s, false, std::move(rdata)};
}

std::optional<RrSet> gather(const std::vector<Rr>& rrs, const Name& name, RrType type) {
  std::vector<Rdata> rdata;
  std::uint32_t least_s = kTtlMaxS;
  std::uint32_t most_s = 0;
  for (const Rr& rr : rrs) {
    if (rr.name == name && rr.type == type) {
      rdata.push_back(rr.rdata);
      const std::uint32_t ttl_s = rr.ttl_s > kTtlMaxS ? 0 : rr.ttl_s;  // RFC 2181, section 8
      least_s = std::min(least_s, ttl_s);
      most_s = std::max(most_s, ttl_s);
    }
  }
  auto made = RrSet::make(name, type, least_s, std::move(rdata));
  if (!made.ok()) {  // nothing: rdata of a message is never too long
    return std::nullopt;
  }
  made->ttls_differ = least_s != most_s;
  return std::move(made).value();
}

const RrSet* find_set(const std::vector<RrSet>& sets, const Name& name, RrType type) noexcept {
  const auto found = std::find_if(sets.begin(), sets.end(),
                                  [&](const RrSet& each) { return each.name == name && each.type == type; });
  return found == sets.end() ? nullptr : &*found;
}

std::vector<std::string> zone_lines(const RrSet& set) {
  const std::string before =
      set.name.absolute() + ' ' + std::to_string(set.ttl_s) + " IN " + type_text(set.type) + ' ';
  std::vector<std::string> out;
  for (const Rdata& one : set.rdata) {
    out.push_back(before + one.text);
  }
  return out;
}

std::optional<std::uint32_t> soa_number(const RrSet& soa, std::size_t field) {
  const std::string& text = soa.rdata.at(0).text;
  std::size_t at = 0;
  for (; field > 0; --field) {
    at = text.find(' ', at);
    if (at == std::string::npos) {
      return std::nullopt;
    }
    ++at;
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
  return error == std::errc{} && end != text.data() + at ? std::optional(number) : std::nullopt;
}

std::int32_t serials_behind(std::uint32_t ours, std::uint32_t theirs) noexcept {
  return static_cast<std::int32_t>(ours - theirs);
}

}  // namespace ha::dns
