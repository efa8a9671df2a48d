#include "dnsupdater/message.h"

#include <stdbool.h>  // NOLINT: before ldns.h, which else makes macros of bool, true and false
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include <ldns/ldns.h>

#include "common/sys/unique.h"
#include "dnsupdater/rdata_text.h"

namespace ha::dns {
namespace {

using Packet = sys::Unique<ldns_pkt, ldns_pkt_free>;
using RrHandle = sys::Unique<ldns_rr, ldns_rr_free>;
using Buffer = sys::Unique<ldns_buffer, ldns_buffer_free>;
using Octets = sys::Unique<std::uint8_t, ::free>;
using Options = sys::Unique<ldns_edns_option_list, ldns_edns_option_list_deep_free>;

constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kClassChaos = 3;
constexpr std::uint16_t kClassNone = 254;
constexpr std::uint16_t kClassAny = 255;
constexpr std::uint16_t kTypeOpt = 41;
constexpr std::uint16_t kOptionNsid = 3;
constexpr std::size_t kBufferBytes = 1024;  // for a start: they grow
constexpr unsigned kOpcodeQuery = 0;
constexpr unsigned kOpcodeUpdate = 5;

constexpr std::array<std::string_view, 11> kRcodes = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                      "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                      "NXRRSET", "NOTAUTH", "NOTZONE"};

// Types whose text ldns is given: those that somebody may want to set. Its parsers of the others leak.
constexpr std::array<RrType, 14> kTextTypes = {
    RrType::A,  RrType::Aaaa, RrType::Srv, RrType::Naptr, RrType::Txt,  RrType::Cname, RrType::Ptr,
    RrType::Mx, RrType::Ns,   RrType::Caa, RrType::Tlsa,  RrType::Svcb, RrType::Https, RrType::Dname};

const std::uint8_t* octets(BytesView bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

Error no_memory() {
  return {Code::Exhausted, "no memory for a DNS message"};
}

// The RR at [begin, end) of `wire`, of which ldns must take exactly that, and enough for its type.
Result<RrHandle> parse_rr(BytesView wire, std::size_t begin, std::size_t end, bool has_rdata) {
  ldns_rr* made = nullptr;
  std::size_t at = begin;
  const ldns_status status = ldns_wire2rr(&made, octets(wire), wire.size(), &at, LDNS_SECTION_ANSWER);
  RrHandle rr(status == LDNS_STATUS_OK ? made : nullptr);
  const Error corrupt(Code::Corrupt, "an RR does not parse");
  if (rr == nullptr || at != end) {
    return corrupt;
  }
  const ldns_rr_descriptor* const type =
      ldns_rr_descript(static_cast<std::uint16_t>(ldns_rr_get_type(rr.get())));
  if (has_rdata && ldns_rr_rd_count(rr.get()) < ldns_rr_descriptor_minimum(type)) {
    return corrupt;
  }
  return rr;
}

Result<RrHandle> make_rr(const Name& name, RrType type, std::uint16_t rr_class, std::uint32_t ttl_s,
                         const Rdata* rdata) {
  if (rdata != nullptr && rdata->wire.size() > kRdataBytesMax) {
    return Error(Code::Invalid, name.text() + ": a record is longer than 65535 bytes");
  }
  Bytes wire = name.wire();
  put_be16(wire, static_cast<std::uint16_t>(type));
  put_be16(wire, rr_class);
  put_be32(wire, ttl_s);
  put_be16(wire, static_cast<std::uint16_t>(rdata == nullptr ? 0 : rdata->wire.size()));
  wire += rdata == nullptr ? Bytes() : rdata->wire;
  auto made = parse_rr(wire, 0, wire.size(), rdata != nullptr);
  if (!made.ok()) {
    return Error(Code::Invalid, name.text() + ": the record is none of type " + type_text(type));
  }
  return made;
}

// A message being put together; counts what it has taken, uncompressed, before ldns does anything with it.
class Builder {
 public:
  static Result<Builder> start(std::uint16_t id, unsigned opcode, const Name& name, RrType type,
                               std::uint16_t rr_class) {
    Builder out;
    out.packet_.reset(ldns_pkt_new());
    const Bytes owner = name.wire();
    RrHandle question(ldns_rr_new());
    ldns_rdf* const rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, owner.size(), owner.data());
    if (out.packet_ == nullptr || question == nullptr || rdf == nullptr) {
      ldns_rdf_deep_free(rdf);  // null is allowed
      return no_memory();
    }
    ldns_rr_set_owner(question.get(), rdf);
    ldns_rr_set_type(question.get(), static_cast<ldns_rr_type>(type));
    ldns_rr_set_class(question.get(), static_cast<ldns_rr_class>(rr_class));
    ldns_rr_set_question(question.get(), true);
    ldns_pkt_set_id(out.packet_.get(), id);
    ldns_pkt_set_opcode(out.packet_.get(), static_cast<ldns_pkt_opcode>(opcode));
    HA_CHECK(out.push(std::move(question), LDNS_SECTION_QUESTION));
    return out;
  }

  Status add(ldns_pkt_section section, const Name& name, RrType type, std::uint16_t rr_class,
             std::uint32_t ttl_s = 0, const Rdata* rdata = nullptr) {
    constexpr std::size_t kRrBytes = 10;  // beside name and rdata
    bytes_ += name.wire().size() + kRrBytes + (rdata == nullptr ? 0 : rdata->wire.size());
    if (bytes_ + kTsigBytesMax > kMessageBytesMax) {
      return Error(Code::Exhausted, "a DNS message of more than 60000 bytes", "change less at once");
    }
    HA_TRY(RrHandle rr, make_rr(name, type, rr_class, ttl_s, rdata));
    return push(std::move(rr), section);
  }

  [[nodiscard]] ldns_pkt* packet() const { return packet_.get(); }

  [[nodiscard]] Result<Bytes> finish() const {
    std::uint8_t* made = nullptr;
    std::size_t size = 0;
    const ldns_status status = ldns_pkt2wire(&made, packet_.get(), &size);
    const Octets wire(made);
    if (status != LDNS_STATUS_OK || wire == nullptr) {
      return Error(Code::Internal,
                   "ldns cannot write a message: " + std::string(ldns_get_errorstr_by_id(status)));
    }
    return Bytes(reinterpret_cast<const char*>(wire.get()), size);
  }

 private:
  Builder() = default;

  Status push(RrHandle rr, ldns_pkt_section section) {
    if (!ldns_pkt_push_rr(packet_.get(), section, rr.get())) {
      return no_memory();
    }
    static_cast<void>(rr.release());  // the packet has it
    return ok();
  }

  Packet packet_;
  std::size_t bytes_ = kHeaderBytes + kNameWireBytesMax + 4;
};

Status add_prerequisite(Builder& out, const Prerequisite& one) {
  switch (one.need) {
    case Need::NameInUse:
      return out.add(LDNS_SECTION_ANSWER, one.name, RrType::Any, kClassAny);
    case Need::NameUnused:
      return out.add(LDNS_SECTION_ANSWER, one.name, RrType::Any, kClassNone);
    case Need::SetExists:
      return out.add(LDNS_SECTION_ANSWER, one.name, one.type, kClassAny);
    case Need::SetAbsent:
      return out.add(LDNS_SECTION_ANSWER, one.name, one.type, kClassNone);
    case Need::SetIs:
      if (one.rdata.empty()) {  // no RR at all would be no prerequisite
        return Error(Code::Invalid, one.name.text() + ": a prerequisite compares with nothing");
      }
      for (const Rdata& rdata : one.rdata) {
        HA_CHECK(out.add(LDNS_SECTION_ANSWER, one.name, one.type, kClassIn, 0, &rdata));
      }
      return ok();
  }
  return ok();
}

Status add_deletion(Builder& out, const Deletion& one) {
  if (one.rdata) {
    if (!one.type) {
      return Error(Code::Invalid, one.name.text() + ": a record without a type is to be deleted");
    }
    return out.add(LDNS_SECTION_AUTHORITY, one.name, *one.type, kClassNone, 0, &*one.rdata);
  }
  return out.add(LDNS_SECTION_AUTHORITY, one.name, one.type.value_or(RrType::Any), kClassAny);
}

Status add_edns(ldns_pkt* packet, const Question& question) {
  if (!question.dnssec && !question.nsid) {
    return ok();
  }
  ldns_pkt_set_edns_udp_size(packet, kEdnsBytes);
  ldns_pkt_set_edns_do(packet, question.dnssec);
  if (question.nsid) {
    Options options(ldns_edns_option_list_new());
    ldns_edns_option* const nsid = ldns_edns_new(LDNS_EDNS_NSID, 0, nullptr);
    if (options == nullptr || nsid == nullptr || !ldns_edns_option_list_push(options.get(), nsid)) {
      ldns_edns_deep_free(nsid);  // null is allowed
      return no_memory();
    }
    ldns_pkt_set_edns_option_list(packet, options.release());
  }
  return ok();
}

Result<Rdata> to_rdata(RrHandle rr) {
  ldns_rr2canonical(rr.get());
  const Buffer wire(ldns_buffer_new(kBufferBytes));
  const Buffer text(ldns_buffer_new(kBufferBytes));
  if (wire == nullptr || text == nullptr) {
    return no_memory();
  }
  if (ldns_rr_rdata2buffer_wire(wire.get(), rr.get()) != LDNS_STATUS_OK ||
      ldns_rr2buffer_str_fmt(text.get(), ldns_output_format_nocomments, rr.get()) != LDNS_STATUS_OK) {
    return Error(Code::Corrupt, "ldns cannot write an RR");
  }
  // Owner, TTL, class and type are before it, each with a tab; the line's end after it.
  std::string_view shown(reinterpret_cast<const char*>(ldns_buffer_begin(text.get())),
                         ldns_buffer_position(text.get()));
  for (int field = 0; field < 4; ++field) {
    shown.remove_prefix(std::min(shown.find('\t') + 1, shown.size()));
  }
  if (shown.ends_with('\n')) {
    shown.remove_suffix(1);
  }
  return Rdata{
      Bytes(reinterpret_cast<const char*>(ldns_buffer_begin(wire.get())), ldns_buffer_position(wire.get())),
      zone_escape(shown)};
}

// The owner of an RR as a Name, if it is one.
std::optional<Name> owner_of(const ldns_rr* rr) {
  const ldns_rdf* const owner = ldns_rr_owner(rr);
  auto name = Name::from_wire({reinterpret_cast<const char*>(ldns_rdf_data(owner)), ldns_rdf_size(owner)});
  return name.ok() ? std::optional(std::move(name).value()) : std::nullopt;
}

Result<std::vector<Rr>> read_rrs(BytesView wire, const std::vector<RrSpan>& spans, std::uint16_t rr_class) {
  std::vector<Rr> out;
  for (const RrSpan& span : spans) {
    HA_TRY(RrHandle rr, parse_rr(wire, span.begin, span.end, true));
    if (span.rr_class != rr_class) {
      return Error(Code::Corrupt, "an RR of another class than the question's");
    }
    if (auto name = owner_of(rr.get())) {
      HA_TRY(Rdata rdata, to_rdata(std::move(rr)));
      out.push_back({std::move(*name), static_cast<RrType>(span.type), span.ttl_s, std::move(rdata)});
    }
  }
  return out;
}

BytesView field(const ldns_rr* rr, std::size_t number) {
  const ldns_rdf* const rdf = ldns_rr_rdf(rr, number);
  return {reinterpret_cast<const char*>(ldns_rdf_data(rdf)), ldns_rdf_size(rdf)};
}

std::optional<Tsig> read_tsig(BytesView wire, const RrSpan& span) {
  // Algorithm, time, fudge, MAC, original ID, error, other data; MAC and other data with their length in
  // front.
  constexpr std::array<std::size_t, 7> kLeastBytes = {1, 6, 2, 2, 2, 2, 2};
  const auto rr = parse_rr(wire, span.begin, span.end, false);
  if (!rr.ok() || ldns_rr_rd_count(rr->get()) != kLeastBytes.size() || span.rr_class != kClassAny ||
      span.ttl_s != 0) {
    return std::nullopt;
  }
  std::array<BytesView, kLeastBytes.size()> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    fields[i] = field(rr->get(), i);
    if (fields[i].size() < kLeastBytes[i]) {
      return std::nullopt;
    }
  }
  const auto key = owner_of(rr->get());
  const auto algorithm = Name::from_wire(fields[0]);
  if (!key || !algorithm.ok()) {
    return std::nullopt;
  }
  return Tsig{*key,
              *algorithm,
              get_be48(fields[1], 0),
              get_be16(fields[2], 0),
              Bytes(fields[3].substr(2)),
              get_be16(fields[4], 0),
              get_be16(fields[5], 0),
              Bytes(fields[6].substr(2))};
}

void check_signature(BytesView wire, const Layout& layout, const Request& request, const TsigKey* key,
                     WallTime now, Reply& out) {
  const auto is_tsig = [](const RrSpan& span) { return span.type == kTypeTsig; };
  const auto count = std::count_if(layout.additional.begin(), layout.additional.end(), is_tsig);
  if (key == nullptr || request.mac.empty()) {
    out.tsig = TsigVerdict::NotAsked;
  } else if (count == 0) {
    out.tsig = TsigVerdict::Missing;
  } else if (const auto tsig = is_tsig(layout.additional.back()) && count == 1
                                   ? read_tsig(wire, layout.additional.back())
                                   : std::nullopt;
             tsig) {
    out.tsig = tsig_verify(wire, layout.additional.back().begin, *tsig, *key, request.mac, now);
    out.tsig_error = tsig->error;
    if (out.tsig == TsigVerdict::ServerBadTime) {
      out.server_time = tsig_server_time(*tsig);
    }
    if (out.tsig == TsigVerdict::Good || out.tsig == TsigVerdict::OutOfTime) {
      out.signed_at = tsig_signed_at(*tsig);
    }
  } else {
    out.tsig = TsigVerdict::Malformed;
  }
}

// What EDNS adds: upper bits of the rcode, NSID. Options that do not fit are none.
void read_edns(BytesView wire, const Layout& layout, Reply& out) {
  const auto opt = std::find_if(layout.additional.begin(), layout.additional.end(),
                                [](const RrSpan& span) { return span.type == kTypeOpt; });
  if (opt == layout.additional.end()) {
    return;
  }
  const unsigned upper = opt->ttl_s >> 24U;
  out.rcode = static_cast<Rcode>(upper << 4U | static_cast<unsigned>(out.rcode));
  for (std::size_t at = opt->rdata; opt->end - at >= 4;) {
    const std::size_t length = get_be16(wire, at + 2);
    if (opt->end - at - 4 < length) {
      return;
    }
    if (get_be16(wire, at) == kOptionNsid) {
      out.nsid = Bytes(wire.substr(at + 4, length));
    }
    at += 4 + length;
  }
}

// Whether both have the same question; names are compared without case, as RFC 1035 has it.
bool same_question(BytesView reply, const Layout& layout, const Request& request) {
  const auto asked = lay_out(request.wire);
  if (!asked.ok() || !asked->question) {
    return false;
  }
  if (!layout.question) {  // some leave it out of an UPDATE's answer, and of errors
    return request.is_update || layout.rcode() != 0;
  }
  const QuestionSpan& mine = *asked->question;
  const QuestionSpan& theirs = *layout.question;
  const auto name = [](BytesView wire, const QuestionSpan& span) {
    return Name::from_wire(wire.substr(span.begin, span.end - 4 - span.begin));
  };
  const auto asked_name = name(request.wire, mine);
  const auto reply_name = name(reply, theirs);  // the first name in a message has nothing to point to
  return mine.type == theirs.type && mine.rr_class == theirs.rr_class && asked_name.ok() && reply_name.ok() &&
         *asked_name == *reply_name;
}

}  // namespace

std::string rcode_text(Rcode rcode) {
  const auto number = static_cast<std::size_t>(rcode);
  if (number < kRcodes.size()) {
    return std::string(kRcodes[number]);
  }
  return rcode == Rcode::BadVers ? "BADVERS" : "RCODE" + std::to_string(number);
}

Result<Request> make_update(const Update& update, std::uint16_t id, const TsigKey& key, WallTime now) {
  if (update.prerequisites.empty()) {  // a replay would apply
    return Error(Code::Invalid, update.zone.text() + ": an update without a prerequisite");
  }
  HA_TRY(Builder builder, Builder::start(id, kOpcodeUpdate, update.zone, RrType::Soa, kClassIn));
  for (const Prerequisite& one : update.prerequisites) {
    HA_CHECK(add_prerequisite(builder, one));
  }
  for (const Deletion& one : update.deletions) {
    HA_CHECK(add_deletion(builder, one));
  }
  for (const RrSet& set : update.additions) {
    for (const Rdata& rdata : set.rdata) {
      HA_CHECK(builder.add(LDNS_SECTION_AUTHORITY, set.name, set.type, kClassIn, set.ttl_s, &rdata));
    }
  }
  HA_TRY(const Bytes message, builder.finish());
  HA_TRY(SignedMessage sent, tsig_sign(message, key, now));
  return Request{std::move(sent.wire), std::move(sent.mac), id, true};
}

Result<Request> make_query(const Question& question, std::uint16_t id, const TsigKey* key, WallTime now) {
  HA_TRY(const Builder builder, Builder::start(id, kOpcodeQuery, question.name, question.type,
                                               question.chaos ? kClassChaos : kClassIn));
  ldns_pkt_set_rd(builder.packet(), question.recursion);
  HA_CHECK(add_edns(builder.packet(), question));
  HA_TRY(Bytes message, builder.finish());
  if (key == nullptr) {
    return Request{std::move(message), {}, id, false};
  }
  HA_TRY(SignedMessage sent, tsig_sign(message, *key, now));
  return Request{std::move(sent.wire), std::move(sent.mac), id, false};
}

Result<Reply> read_reply(BytesView wire, const Request& request, const TsigKey* key, WallTime now) {
  HA_TRY(const Layout layout, lay_out(wire));
  if (layout.id != request.id || !layout.is_reply() ||
      layout.opcode() != (request.is_update ? kOpcodeUpdate : kOpcodeQuery) ||
      !same_question(wire, layout, request)) {
    return Error(Code::Conflict, "this is not an answer to our question");
  }
  Reply out;
  out.rcode = static_cast<Rcode>(layout.rcode());
  out.of_update = request.is_update;
  out.authoritative = layout.authoritative();
  out.truncated = layout.truncated();
  check_signature(wire, layout, request, key, now, out);
  read_edns(wire, layout, out);
  if (!request.is_update) {
    const std::uint16_t rr_class = layout.question ? layout.question->rr_class : kClassIn;
    HA_TRY(out.answers, read_rrs(wire, layout.answers, rr_class));
    HA_TRY(out.authority, read_rrs(wire, layout.authority, rr_class));
  }
  return out;
}

Result<Rdata> rdata_from_text(RrType type, std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return Error(Code::Invalid,
                 "\"" + escape(text.substr(0, 200)) + "\" is no record of type " + type_text(type) + ": " +
                     std::string(why),
                 "write it as in a zone file, names in full");
  };
  if (text.size() > kRdataTextBytesMax) {
    return refuse("it is longer than 16384 characters");
  }
  HA_TRY(const std::vector<ZoneWord> words, zone_words(text));
  HA_TRY(const std::optional<Bytes> bytes, generic_rdata(words));
  if (bytes) {
    auto rdata = rdata_from_wire(type, *bytes);
    return rdata.ok() ? std::move(rdata) : refuse("these bytes are none");
  }
  if (std::find(kTextTypes.begin(), kTextTypes.end(), type) == kTextTypes.end()) {
    return refuse("this type can only be written as unknown data, \\# LENGTH HEX");
  }
  const std::string line = "x. 1 IN " + type_text(type) + ' ' + std::string(text);
  ldns_rr* made = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&made, line.c_str(), 1, nullptr, nullptr);
  RrHandle rr(status == LDNS_STATUS_OK ? made : nullptr);
  if (rr == nullptr) {
    return refuse(ldns_get_errorstr_by_id(status));
  }
  if (ldns_rr_rd_count(rr.get()) == 0 || ldns_rr_get_type(rr.get()) != static_cast<ldns_rr_type>(type)) {
    return refuse("there is nothing in it");
  }
  HA_TRY(Rdata rdata, to_rdata(std::move(rr)));
  HA_TRY(const std::vector<ZoneWord> again, zone_words(rdata.text));
  if (!same_numbers(words, again)) {
    return refuse("ldns reads it as " + rdata.text);
  }
  return rdata_from_wire(type, rdata.wire);
}

Result<Rdata> rdata_from_wire(RrType type, BytesView wire) {
  const Rdata rdata{Bytes(wire), ""};
  auto rr = make_rr(Name(), type, kClassIn, 0, &rdata);
  if (!rr.ok()) {
    return Error(Code::Corrupt, "the rdata is none of type " + type_text(type));
  }
  return to_rdata(std::move(rr).value());
}

}  // namespace ha::dns
