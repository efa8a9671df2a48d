#include "common/pbx/asterisk.h"

#include "tests/pbx/ami_replay.h"

using namespace ha;
using namespace ha::pbx;

namespace {

const std::vector<std::string> kAnswers = {"asterisk16-answers.txt", "asterisk22-answers.txt"};

AmiAnswer answer(std::vector<Field> response, std::vector<std::vector<Field>> items = {}) {
  AmiAnswer out;
  out.response.fields = Fields(std::move(response));
  for (std::vector<Field>& each : items) {
    out.items.push_back({Fields(std::move(each))});
  }
  return out;
}

AmiAnswer refused(const std::string& message) {
  return answer({{"Response", "Error"}, {"Message", message}});
}

// The list that `action` got in a transcript whose client is not ours.
AmiAnswer list_of(const std::string& name, const std::string& action) {
  const auto asked = decode<AmiDecoder>({"Asterisk Call Manager/1\r\n", ami_bytes(name, '>')});
  const auto question = std::find_if(asked.begin(), asked.end(),
                                     [&](const AmiMessage& each) { return each.text("Action") == action; });
  BOOST_REQUIRE(question != asked.end());
  AmiAnswer out;
  for (AmiMessage& each : decode<AmiDecoder>({ami_bytes(name, '<')})) {
    if (each.text("ActionID") == question->text("ActionID") && each.text("EventList") != "Complete") {
      (each.event().empty() ? out.response : out.items.emplace_back()) = std::move(each);
    }
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_asterisk)

BOOST_AUTO_TEST_CASE(core_status_says_when_it_started_and_how_many_calls_there_are) {
  const CoreStatus old = must(read_core_status(list_of("asterisk16-register.txt", "CoreStatus")));
  BOOST_TEST(old.started == "2026-11-20 21:57:24");
  BOOST_TEST(old.reloaded == "2026-11-20 21:57:24");
  BOOST_TEST(old.calls == 0U);
  BOOST_TEST(!old.calls_processed.has_value());
  const CoreStatus later = must(read_core_status(list_of("asterisk22-register.txt", "CoreStatus")));
  BOOST_TEST(later.started == "2026-11-20 21:57:25");
  BOOST_TEST(later.reloaded == "2026-11-20 22:09:32");
  BOOST_TEST(later.calls_processed.value() == 3U);
}

BOOST_AUTO_TEST_CASE(an_answer_without_what_it_always_has_is_corrupt) {
  BOOST_TEST((code_of(read_core_status(answer({{"Response", "Success"}}))) == Code::Corrupt));
  BOOST_TEST((code_of(read_core_status(answer({{"Response", "Success"},
                                               {"CoreStartupDate", "2026-11-20"},
                                               {"CoreStartupTime", "21:57:24"},
                                               {"CoreCurrentCalls", "-1"}}))) == Code::Corrupt));
  BOOST_TEST((code_of(read_channels(answer({{"Response", "Success"}}, {{{"Event", "CoreShowChannel"}}}))) ==
              Code::Corrupt));
  BOOST_TEST((code_of(read_contacts(answer({{"Response", "Success"}}, {{{"Event", "ContactStatusDetail"},
                                                                        {"AOR", "1"}}}))) == Code::Corrupt));
  BOOST_TEST(
      (code_of(read_outbound_registrations(answer(
           {{"Response", "Success"}}, {{{"Event", "OutboundRegistrationDetail"}}}))) == Code::Corrupt));
  BOOST_TEST((code_of(read_db_tree(answer({{"Response", "Success"}}, {{{"Event", "DBGetTreeResponse"}}}))) ==
              Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(what_is_refused_is_an_error_of_every_question) {
  const AmiAnswer denied = refused("Permission denied");
  BOOST_TEST((code_of(read_core_status(denied)) == Code::Denied));
  BOOST_TEST((code_of(read_channels(denied)) == Code::Denied));
  BOOST_TEST((code_of(read_contacts(denied)) == Code::Denied));
  BOOST_TEST((code_of(read_outbound_registrations(denied)) == Code::Denied));
  BOOST_TEST((code_of(read_command(denied)) == Code::Denied));
  BOOST_TEST((code_of(read_db_change(denied)) == Code::Denied));
  BOOST_TEST((code_of(read_db_tree(denied)) == Code::Denied));
}

BOOST_AUTO_TEST_CASE(two_channels_that_talk_are_one_call) {
  for (const char* const name : {"asterisk16-call.txt", "asterisk22-call.txt"}) {
    const ChannelCounts counts = must(read_channels(list_of(name, "CoreShowChannels")));
    BOOST_TEST(counts.channels == 2U);
    BOOST_TEST(counts.answered == 2U);
    BOOST_TEST(counts.calls == 1U);
  }
  for (const std::string& name : kAnswers) {  // both halves of a Local channel
    const ChannelCounts counts = must(read_channels(AmiReplay(name).answers.at("CoreShowChannels")));
    BOOST_TEST(counts.channels == 2U);
    BOOST_TEST(counts.calls == 1U);
  }
  const ChannelCounts none = must(read_channels(answer({{"Response", "Success"}})));
  BOOST_TEST(none.channels == 0U);
}

BOOST_AUTO_TEST_CASE(contacts_are_read_from_either_list) {
  for (const std::string& name : kAnswers) {
    BOOST_TEST_CONTEXT(name) {
      const AmiReplay replay(name);
      for (const char* const asked : {"PJSIPShowRegistrationInboundContactStatuses", "PJSIPShowContacts"}) {
        const auto contacts = must(read_contacts(replay.answers.at(asked)));
        BOOST_REQUIRE(contacts.size() == 1U);
        BOOST_TEST(contacts[0].id == "100;@3b89f74f1760e4802895027142419323");
        BOOST_TEST(contacts[0].aor == "100");
        BOOST_TEST(contacts[0].uri == "sip:100@127.0.0.1:5060");
        BOOST_TEST(contacts[0].endpoint == "100");
        BOOST_TEST((contacts[0].reach == Reach::Reachable));
        BOOST_TEST((contacts[0].round_trip.value() > Duration::zero()));
        BOOST_TEST(contacts[0].expires_at_s.value() > 1'795'000'000U);
        const ContactCounts counts = count_contacts(contacts);
        BOOST_TEST(counts.all == 1U);
        BOOST_TEST(counts.reachable == 1U);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_trunk_s_contact_is_seen_by_its_endpoint) {
  for (const std::string& name : kAnswers) {
    const AmiReplay replay(name);
    const auto contacts = must(read_contacts(replay.answers.at("PJSIPShowEndpoint trunk")));
    BOOST_REQUIRE(contacts.size() == 1U);
    BOOST_TEST(contacts[0].aor == "dead");
    BOOST_TEST((contacts[0].reach == Reach::Unreachable));
    BOOST_TEST(!contacts[0].round_trip.has_value());
    BOOST_TEST(!contacts[0].expires_at_s.has_value());
    const auto nobody = read_contacts(replay.answers.at("PJSIPShowEndpoint nobody"));
    BOOST_TEST((code_of(nobody) == Code::NotFound));
    BOOST_TEST(nobody.error().what() == "Unable to retrieve endpoint nobody");
  }
}

BOOST_AUTO_TEST_CASE(no_contacts_at_all_are_no_error) {
  BOOST_TEST(must(read_contacts(refused("No Contacts found\n"))).empty());
  BOOST_TEST((code_of(read_contacts(refused("something else"))) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(contacts_that_are_not_qualified_are_counted_apart) {
  for (const char* const name : {"asterisk16-register.txt", "asterisk22-register.txt"}) {
    const ContactCounts counts = count_contacts(must(read_contacts(list_of(name, "PJSIPShowContacts"))));
    BOOST_TEST(counts.all == 2U);
    BOOST_TEST(counts.not_qualified == 2U);
    BOOST_TEST(counts.reachable == 0U);
  }
  const ContactCounts counts = count_contacts({{"", "", "", "", Reach::Unreachable, {}, {}}, {}});
  BOOST_TEST(counts.all == 2U);
  BOOST_TEST(counts.unreachable == 1U);
}

BOOST_AUTO_TEST_CASE(outbound_registrations_come_without_the_passwords_beside_them) {
  for (const std::string& name : kAnswers) {
    const auto found =
        must(read_outbound_registrations(AmiReplay(name).answers.at("PJSIPShowRegistrationsOutbound")));
    BOOST_REQUIRE(found.size() == 2U);
    const auto& self = found[0].name == "self" ? found[0] : found[1];
    const auto& nobody = found[0].name == "self" ? found[1] : found[0];
    BOOST_TEST(self.is_registered);
    BOOST_TEST(self.server_uri == "sip:127.0.0.1:5060");
    BOOST_TEST(self.client_uri == "sip:100@127.0.0.1:5060");
    BOOST_TEST(!nobody.is_registered);
    BOOST_TEST((nobody.status == "Rejected" || nobody.status == "Unregistered"));
  }
}

BOOST_AUTO_TEST_CASE(a_command_gives_its_lines_or_says_why_not) {
  for (const std::string& name : kAnswers) {
    const AmiReplay replay(name);
    const auto lines = must(read_command(replay.answers.at("Command core waitfullybooted")));
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0] == "Asterisk has fully booted.");
    const auto wrong = read_command(replay.answers.at("Command nosuch thing"));
    BOOST_TEST((code_of(wrong) == Code::Invalid));
    BOOST_TEST(wrong.error().what().find("No such command 'nosuch thing'") == 0U);
  }
}

BOOST_AUTO_TEST_CASE(events_of_ours_are_known_by_their_name) {
  const AmiAction action = send_user_event("probe", {{"Nonce", "7"}});
  BOOST_TEST(must(encode_action(action, "11")) ==
             "Action: UserEvent\r\nActionID: 11\r\nUserEvent: hareplicate::probe\r\nNonce: 7\r\n\r\n");
  for (const std::string& name : kAnswers) {
    std::size_t ours = 0;
    for (const AmiMessage& each : AmiReplay(name).events) {
      ours += our_user_event(each) == "probe" ? 1U : 0U;
    }
    BOOST_TEST(ours == 1U);
  }
  BOOST_TEST(!our_user_event({Fields({{"Event", "UserEvent"}, {"UserEvent", "other"}})}).has_value());
  BOOST_TEST(!our_user_event({Fields({{"Event", "X"}, {"UserEvent", "hareplicate::a"}})}).has_value());
}

BOOST_AUTO_TEST_CASE(rows_of_astdb_are_put_read_and_deleted) {
  for (const std::string& name : kAnswers) {
    const AmiReplay replay(name);
    BOOST_TEST(read_db_change(replay.answers.at("DBPut v: 1")).ok());
    BOOST_TEST(read_db_change(replay.answers.at("DBDel k")).ok());
    BOOST_TEST((code_of(read_db_change(replay.answers.at("DBDel k again"))) == Code::NotFound));
    const auto rows = must(read_db_tree(replay.answers.at("DBGetTree ha")));
    BOOST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(rows[0].key == "/ha/k");
    BOOST_TEST(rows[0].value == "v: 1");
    // Asterisk 16 says that this list has one item.
    BOOST_TEST(must(read_db_tree(replay.answers.at("DBGetTree nofam"))).empty());
  }
  BOOST_TEST((code_of(read_db_change(refused("Database entry could not be deleted"))) == Code::NotFound));
  BOOST_TEST((code_of(read_db_change(refused("Failed to update entry"))) == Code::Invalid));
  const auto rows = must(read_db_tree(list_of("asterisk22-register.txt", "DBGetTree")));
  BOOST_TEST(rows.front().key == "/registrar/contact/100;@3a1ff56226697c09495664f46ae4376a");
}

BOOST_AUTO_TEST_CASE(a_value_that_would_not_arrive_is_not_put) {
  for (const char* const wrong : {" ", " v", "\tv"}) {
    BOOST_TEST((code_of(put_db("ha", "k", wrong)) == Code::Invalid));
  }
  for (const char* const good : {"", "a b "}) {
    BOOST_TEST(must(put_db("ha", "k", good)).fields.back().value == good);
  }
}

BOOST_AUTO_TEST_SUITE_END()
