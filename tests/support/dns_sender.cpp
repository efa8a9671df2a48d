// Sends UPDATEs of any kind with the library of dnsupdater, and says what it makes of each answer.
//
//   dns_sender ENDPOINT ZONE < commands
//
// Commands, one a line; each `send` is answered by one line of JSON:
//   key FILE                               that it is signed with from now on
//   clock SECONDS                          our clock from now on: so much ahead
//   need yxdomain|nxdomain NAME            prerequisites as nsupdate has them
//   need yxrrset NAME TYPE [DATA]          several with DATA are one RRset
//   need nxrrset NAME TYPE
//   remove NAME [TYPE [DATA]]
//   add NAME TTL TYPE DATA
//   mangle                                 a prerequisite gets a TTL
//   send udp|tcp                           prerequisites and changes are forgotten afterwards
//
// For the matrix of tests/e2e/dns_prerequisites_mean_what_they_say.py. Exit: 0, 2 on errors.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include "common/base/json_out.h"
#include "common/sys/digest.h"
#include "dnsupdater/exchange.h"
#include "dnsupdater/key_file.h"
#include "dnsupdater/message.h"
#include "dnsupdater/primary.h"

namespace ha::dns {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "dns_sender: %s\n", result.error().what().c_str());
    std::exit(2);
  }
  return std::move(result).value();
}

// The words of a line, one after the other; the last one is what is left.
class Line {
 public:
  explicit Line(const std::string& text) : in_(text) {}
  std::string word() {
    std::string out;
    in_ >> out;
    return out;
  }
  std::string rest() {
    std::string out;
    std::getline(in_ >> std::ws, out);
    return out;
  }
  Name name() { return must(Name::parse(word())); }

 private:
  std::istringstream in_;
};

class Sender {
 public:
  Sender(Endpoint to, const Name& zone) : to_(std::move(to)) { update_.zone = zone; }

  void take(const std::string& text) {
    Line line(text);
    const std::string verb = line.word();
    if (verb == "key") {
      key_ = must(load_key(line.word()));
    } else if (verb == "clock") {
      ahead_ = std::chrono::seconds(std::strtol(line.word().c_str(), nullptr, 10));
    } else if (verb == "need") {
      need(line);
    } else if (verb == "remove") {
      remove(line);
    } else if (verb == "add") {
      add(line);
    } else if (verb == "mangle") {
      mangle_ = true;
    } else if (verb == "send") {
      send(line.word() == "tcp" ? Transport::Tcp : Transport::Udp);
      update_ = Update{update_.zone, {}};
      mangle_ = false;
    } else {
      must<Name>(Error(Code::Invalid, "no such command: " + verb));
    }
  }

 private:
  void need(Line& line) {
    const std::string what = line.word();
    Prerequisite one{Need::NameInUse, line.name()};
    if (what == "nxdomain") {
      one.need = Need::NameUnused;
    } else if (what == "nxrrset" || what == "yxrrset") {
      one.need = what == "nxrrset" ? Need::SetAbsent : Need::SetExists;
      one.type = must(parse_type(line.word()));
    }
    if (const std::string data = line.rest(); !data.empty()) {
      one.need = Need::SetIs;
      one.rdata.push_back(must(rdata_from_text(one.type, data)));
      for (Prerequisite& other : update_.prerequisites) {
        if (other.need == Need::SetIs && other.name == one.name && other.type == one.type) {
          other.rdata.push_back(std::move(one.rdata[0]));
          return;
        }
      }
    }
    update_.prerequisites.push_back(std::move(one));
  }

  void remove(Line& line) {
    Deletion one{line.name()};
    if (const std::string type = line.word(); !type.empty()) {
      one.type = must(parse_type(type));
    }
    if (const std::string data = line.rest(); !data.empty()) {
      one.rdata = must(rdata_from_text(*one.type, data));
    }
    update_.deletions.push_back(std::move(one));
  }

  void add(Line& line) {
    const Name name = line.name();
    const auto ttl_s = static_cast<std::uint32_t>(std::strtoul(line.word().c_str(), nullptr, 10));
    const RrType type = must(parse_type(line.word()));
    update_.additions.push_back(
        must(RrSet::make(name, type, ttl_s, {must(rdata_from_text(type, line.rest()))})));
  }

  [[nodiscard]] Request request(WallTime now) const {
    const std::uint16_t id = get_be16(must(sys::random_bytes(2)), 0);
    Request made = must(make_update(update_, id, *key_, now));
    const Layout layout = must(lay_out(made.wire));
    if (mangle_) {
      Bytes plain = made.wire.substr(0, layout.additional.back().begin);
      plain[11] = '\0';                              // no signature yet
      plain[layout.answers.at(0).rdata - 3] = '\1';  // the last byte of its TTL
      SignedMessage sent = must(tsig_sign(plain, *key_, now));
      made.wire = std::move(sent.wire);
      made.mac = std::move(sent.mac);
    }
    return made;
  }

  void send(Transport transport) const {
    const Now now = read_clocks();
    const Request sent = request(now.wall + ahead_);
    const auto answer = exchange({to_, transport, now.steady + kPatience, -1}, sent, &*key_);
    JsonObject out;
    out.text("wire", hex(sent.wire));
    if (!answer.ok()) {
      out.text("error", answer.error().what());
    } else {
      const Reply& reply = answer->reply;
      out.text("rcode", rcode_text(reply.rcode));
      out.text("tsig", tsig_verdict_text(reply.tsig)).count("tsig_error", reply.tsig_error);
      const auto trouble = trouble_of(reply, update_.zone, key_->name, now.wall + ahead_);
      out.text("cause", trouble ? cause_text(trouble->cause) : "");
      out.text("said", trouble ? trouble->error.what() : "");
    }
    std::printf("%s\n", out.text().c_str());
    std::fflush(stdout);
  }

  Endpoint to_;
  std::optional<TsigKey> key_;
  std::chrono::seconds ahead_{0};
  Update update_;
  bool mangle_ = false;
};

}  // namespace
}  // namespace ha::dns

int main(int count, char** words) {
  using namespace ha::dns;
  if (count != 3) {
    std::fputs("dns_sender ENDPOINT ZONE < commands\n", stderr);
    return 2;
  }
  Sender sender(must(Endpoint::parse(words[1])), must(Name::parse(words[2])));
  for (std::string line; std::getline(std::cin, line);) {
    sender.take(line);
  }
  return 0;
}
