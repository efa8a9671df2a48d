// Speaks to a PBX as the daemons do, so that real ones can be spoken to: reads commands from its input, one a
// line with tabs between the words, and answers each with a line of JSON.
//
//   pbx_talk ami ADDRESS USER SECRET EVENTS MILLISECONDS
//   pbx_talk ari ADDRESS USER SECRET MILLISECONDS
//   pbx_talk decode ami|esl FILE ROUNDS      how fast the decoders are
//
// MILLISECONDS: the patience of each command.
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "common/base/json_out.h"
#include "common/pbx/ami_client.h"
#include "common/pbx/ari_client.h"
#include "common/pbx/esl.h"

namespace {

using namespace ha;
using namespace ha::pbx;
using Words = std::vector<std::string>;
using Verb = std::function<Result<JsonObject>(const Words&, const Patience&)>;

std::string json_of(const Error& error) {
  return JsonObject()
      .flag("ok", false)
      .text("code", code_name(error.code()))
      .text("what", error.what())
      .text("hint", error.hint())
      .text();
}

Result<JsonObject> json_of(const Status& status) {
  HA_CHECK(status);
  return JsonObject();
}

JsonObject json_of(Duration took) {
  return JsonObject().number("took_ns", took.count());
}

JsonObject json_of(const std::vector<PjsipContact>& contacts) {
  const ContactCounts counts = count_contacts(contacts);
  JsonList ids;
  for (const PjsipContact& each : contacts) {
    ids.add(json_quote(each.id));
  }
  return JsonObject()
      .count("all", counts.all)
      .count("reachable", counts.reachable)
      .count("unreachable", counts.unreachable)
      .count("not_qualified", counts.not_qualified)
      .raw("ids", ids.text());
}

JsonObject json_of(const Fields& fields) {
  JsonObject out;
  for (const Field& each : fields) {
    out.text(each.name, each.value);
  }
  return out;
}

// "name=value" from `first` on.
std::vector<Field> fields_of(const Words& words, std::size_t first) {
  std::vector<Field> out;
  for (std::size_t i = first; i < words.size(); ++i) {
    const std::size_t equals = std::min(words[i].find('='), words[i].size());
    out.push_back({words[i].substr(0, equals), words[i].substr(std::min(equals + 1, words[i].size()))});
  }
  return out;
}

std::map<std::string, Verb> ami_questions(AmiClient& client) {
  return {
      {"ping",
       [&](const Words&, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const Duration took, client.ping(patience));
         return json_of(took);
       }},
      {"booted",
       [&](const Words&, const Patience& patience) { return json_of(client.wait_booted(patience)); }},
      {"status",
       [&](const Words&, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const CoreStatus status, client.core_status(patience));
         return JsonObject().text("started", status.started).count("calls", status.calls);
       }},
      {"channels",
       [&](const Words&, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const ChannelCounts counts, client.channels(patience));
         return JsonObject()
             .count("channels", counts.channels)
             .count("answered", counts.answered)
             .count("calls", counts.calls);
       }},
      {"contacts",
       [&](const Words& words, const Patience& patience) -> Result<JsonObject> {
         const SteadyTime begin = read_clocks().steady;
         HA_TRY(const std::vector<PjsipContact> contacts,
                words.size() > 1 ? client.contacts_of(words[1], patience) : client.contacts(patience));
         return json_of(contacts).number("took_ns", (read_clocks().steady - begin).count());
       }},
      {"registrations",
       [&](const Words&, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const std::vector<OutboundRegistration> all, client.outbound_registrations(patience));
         JsonObject out;
         for (const OutboundRegistration& each : all) {
           out.text(each.name, each.status);
         }
         return out;
       }},
      {"command",
       [&](const Words& words, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const std::vector<std::string> lines, client.command(words.at(1), patience));
         JsonList list;
         for (const std::string& each : lines) {
           list.add(json_quote(each));
         }
         return JsonObject().raw("lines", list.text());
       }},
  };
}

std::map<std::string, Verb> ami_deeds(AmiClient& client) {
  return {
      {"event",
       [&](const Words& words, const Patience& patience) {
         return json_of(client.user_event(words.at(1), fields_of(words, 2), patience));
       }},
      {"next",
       [&](const Words&, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const std::optional<AmiMessage> event, client.next_event(patience));
         return event ? json_of(event->fields) : JsonObject();
       }},
      {"put",
       [&](const Words& words, const Patience& patience) {
         return json_of(client.put(words.at(1), words.at(2), words.at(3), patience));
       }},
      {"erase",
       [&](const Words& words, const Patience& patience) {
         return json_of(client.erase(words.at(1), words.at(2), patience));
       }},
      {"tree",
       [&](const Words& words, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const std::vector<AstDbRow> rows, client.tree(words.at(1), patience));
         JsonObject out;
         for (const AstDbRow& each : rows) {
           out.text(each.key, each.value);
         }
         return JsonObject().raw("rows", out.text());
       }},
      {"probe",
       [&](const Words& words, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const Duration took, client.probe_db(words.at(1), words.at(2), words.at(3), patience));
         return json_of(took);
       }},
      {"session",
       [&](const Words&, const Patience&) -> Result<JsonObject> {
         return JsonObject()
             .flag("over", client.is_over())
             .flag("booted", client.session().fully_booted())
             .text("version", client.session().version().value_or(""))
             .count("unanswered", client.session().unanswered());
       }},
  };
}

std::map<std::string, Verb> ari_verbs(AriClient& client) {
  return {
      {"info",
       [&](const Words&, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const AriInfo info, client.info(patience));
         return JsonObject().text("version", info.version).text("started", info.started);
       }},
      {"channels",
       [&](const Words&, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const std::vector<AriChannel> channels, client.channels(patience));
         return JsonObject().count("channels", channels.size());
       }},
      {"contact",
       [&](const Words& words, const Patience& patience) -> Result<JsonObject> {
         HA_TRY(const Fields contact, client.contact(words.at(1), patience));
         return json_of(contact);
       }},
      {"put",
       [&](const Words& words, const Patience& patience) -> Result<JsonObject> {
         const SteadyTime begin = read_clocks().steady;
         HA_TRY(const Fields contact, client.put_contact(words.at(1), fields_of(words, 2), patience));
         return json_of(contact).number("took_ns", (read_clocks().steady - begin).count());
       }},
      {"delete",
       [&](const Words& words, const Patience& patience) {
         return json_of(client.delete_contact(words.at(1), patience));
       }},
  };
}

int talk(const std::map<std::string, Verb>& verbs, Duration limit) {
  std::cout << JsonObject().flag("ok", true).text() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    Words words;
    for (const std::string_view word : split(line, '\t')) {
      words.emplace_back(word);
    }
    const auto verb = verbs.find(words.front());
    auto answer = verb != verbs.end() ? verb->second(words, {read_clocks().steady + limit})
                                      : Error(Code::Invalid, "no such command: " + words.front());
    std::cout << (answer.ok() ? answer->flag("ok", true).text() : json_of(answer.error())) << std::endl;
  }
  return 0;
}

template <typename Decoder>
int measure(const Bytes& stream, int rounds) {
  constexpr std::size_t kPiece = 65'536;
  std::size_t messages = 0;
  const SteadyTime begin = read_clocks().steady;
  for (int round = 0; round < rounds; ++round) {
    Decoder decoder;
    for (std::size_t at = 0; at < stream.size(); at += kPiece) {
      decoder.feed(BytesView(stream).substr(at, kPiece));
      for (;;) {
        auto message = decoder.next();
        if (!message.ok()) {
          std::cerr << message.error().what() << "\n";
          return 1;
        }
        if (!message->has_value()) {
          break;
        }
        if constexpr (std::is_same_v<Decoder, EslDecoder>) {
          static_cast<void>(read_event(**message));  // what a session does with it
        }
        ++messages;
      }
    }
  }
  const double seconds = std::chrono::duration<double>(read_clocks().steady - begin).count();
  const double bytes = static_cast<double>(stream.size()) * rounds;
  std::cout << static_cast<std::size_t>(bytes / seconds / 1e6) << " MB/s, "
            << static_cast<std::size_t>(static_cast<double>(messages) / seconds) << " messages/s\n";
  return 0;
}

int run(const Words& words) {
  const std::string kind = words.empty() ? "" : words[0];
  const auto limit = [&](const std::string& text) { return std::chrono::milliseconds(std::stol(text)); };
  if (kind == "decode" && words.size() == 4) {
    std::ifstream file(words[2], std::ios::binary);
    const Bytes stream((std::istreambuf_iterator<char>(file)), {});
    const int rounds = std::stoi(words[3]);
    return words[1] == "ami" ? measure<AmiDecoder>(stream, rounds) : measure<EslDecoder>(stream, rounds);
  }
  const bool is_ami = kind == "ami" && words.size() == 6;
  if (!is_ami && (kind != "ari" || words.size() != 5)) {
    std::cerr << "usage: see the beginning of pbx_talk.cpp\n";
    return 2;
  }
  const auto address = PbxAddress::parse(words[1], is_ami ? kAmiPort : kAriPort);
  if (!address.ok()) {
    std::cout << json_of(address.error()) << std::endl;
    return 1;
  }
  if (!is_ami) {
    AriClient client(*address, {words[2], words[3], ""});
    return talk(ari_verbs(client), limit(words[4]));
  }
  const SteadyTime begin = read_clocks().steady;
  auto client = AmiClient::open(*address, {words[2], words[3], words[4]}, {begin + limit(words[5])});
  if (!client.ok()) {
    std::cout << json_of(client.error()) << std::endl;
    return 1;
  }
  auto verbs = ami_questions(*client);
  verbs.merge(ami_deeds(*client));
  return talk(verbs, limit(words[5]));
}

}  // namespace

int main(int argc, char** argv) {
  return run(Words(argv + 1, argv + argc));
}
