#include "common/pbx/ami_client.h"

#include <sys/eventfd.h>

#include "tests/pbx/fake_asterisk.h"

using namespace ha;
using namespace ha::pbx;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kWelcome =
    "Asterisk Call Manager/5.0.4\r\nResponse: Success\r\nActionID: login\r\nMessage: Authentication "
    "accepted\r\n\r\n";

AmiLogin login() {
  return {"ha", "s3cret"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_ami_client)

BOOST_AUTO_TEST_CASE(every_question_is_answered_as_asterisk_answered_it) {
  for (const char* const name : {"asterisk16-answers.txt", "asterisk22-answers.txt"}) {
    BOOST_TEST_CONTEXT(name) {
      FakeServer server({asterisk(name, "Event: Newchannel\r\n\r\n")});
      AmiClient client = must(AmiClient::open(server.address, login(), patience()));
      BOOST_TEST((must(client.ping(patience())) > Duration::zero()));
      BOOST_TEST(client.wait_booted(patience()).ok());
      BOOST_TEST(must(client.core_status(patience())).started.substr(0, 10) == "2026-11-22");
      BOOST_TEST(must(client.channels(patience())).channels == 2U);
      BOOST_TEST(must(client.contacts(patience())).size() == 1U);
      BOOST_TEST(must(client.contacts_of("trunk", patience())).size() == 1U);
      BOOST_TEST((code_of(client.contacts_of("nobody", patience())) == Code::NotFound));
      BOOST_TEST(must(client.outbound_registrations(patience())).size() == 2U);
      BOOST_TEST((code_of(client.command("nosuch thing", patience())) == Code::Invalid));
      BOOST_TEST(client.user_event("probe", {{"Nonce", "7"}}, patience()).ok());
      BOOST_TEST(client.put("ha", "k", "v: 1", patience()).ok());
      BOOST_TEST(must(client.tree("ha", patience())).size() == 1U);
      BOOST_TEST((must(client.probe_db("ha", "k", "v: 1", patience(), Duration::zero())) > Duration::zero()));
      const auto lost = client.probe_db("ha", "other", "v: 1", patience(), Duration::zero());
      BOOST_TEST((code_of(lost) == Code::Conflict));
      BOOST_TEST(lost.error().what().find("AstDB has acknowledged \"/ha/other\" and lost it") !=
                 std::string::npos);
      BOOST_TEST(must(client.next_event(patience()))->event() == "Newchannel");
      BOOST_TEST(!client.is_over());
      BOOST_TEST(client.session().unanswered() == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(who_cannot_be_reached_is_named) {
  const PbxAddress closed = closed_port();
  const auto client = AmiClient::open(closed, login(), patience());
  BOOST_TEST((code_of(client) == Code::Unavailable));
  BOOST_TEST(client.error().what() == "AMI " + closed.text() + ": Connection refused");
}

BOOST_AUTO_TEST_CASE(a_wrong_secret_is_denied_also_when_the_connection_ends_with_it) {
  FakeServer server({[](Caller& caller) {
    caller.say("Asterisk Call Manager/5.0.4\r\n");
    caller.hear("\r\n\r\n");
    caller.say("Response: Error\r\nActionID: login\r\nMessage: Authentication failed\r\n\r\n");
  }});
  const auto client = AmiClient::open(server.address, login(), patience());
  BOOST_TEST((code_of(client) == Code::Denied));
  BOOST_TEST(client.error().what() ==
             "AMI " + server.address.text() + ": Asterisk refuses the login: Authentication failed");
}

BOOST_AUTO_TEST_CASE(a_server_that_says_nothing_is_timed_out) {
  FakeServer server;
  const auto client = AmiClient::open(server.address, login(), patience(milliseconds(20)));
  BOOST_TEST((code_of(client) == Code::TimedOut));
  const auto now = AmiClient::open(server.address, login(), patience(seconds(0)));
  BOOST_TEST((code_of(now) == Code::TimedOut));
}

BOOST_AUTO_TEST_CASE(somebody_else_at_the_port_is_corrupt) {
  FakeServer server({[](Caller& caller) { caller.say("SSH-2.0-OpenSSH_9.2\r\n"), caller.hear("x"); }});
  BOOST_TEST((code_of(AmiClient::open(server.address, login(), patience())) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(an_action_without_an_answer_is_timed_out_and_the_client_goes_on) {
  FakeServer server({[](Caller& caller) {
    caller.say(kWelcome);
    caller.hear("ActionID: 2\r\n\r\n");  // the first is never answered
    caller.say("Response: Success\r\nActionID: 2\r\nPing: Pong\r\n\r\n");
    caller.hear("x");
  }});
  AmiClient client = must(AmiClient::open(server.address, login(), patience()));
  const auto slow = client.perform({"Slow"}, patience(milliseconds(20)));
  BOOST_TEST((code_of(slow) == Code::TimedOut));
  BOOST_TEST(slow.error().what() == "AMI " + server.address.text() + ": no answer to Slow");
  BOOST_TEST(client.ping(patience()).ok());
  BOOST_TEST(client.session().unanswered() == 1U);
}

BOOST_AUTO_TEST_CASE(who_gives_up_waits_no_longer_and_can_ask_again) {
  const sys::FileHandle cancel(::eventfd(1, EFD_CLOEXEC), "cancel");
  FakeServer server({[](Caller& caller) {
    caller.say(kWelcome);
    caller.hear("ActionID: 2\r\n\r\n");
    caller.say("Response: Success\r\nActionID: 1\r\n\r\nResponse: Success\r\nActionID: 2\r\n\r\n");
    caller.hear("x");
  }});
  AmiClient client = must(AmiClient::open(server.address, login(), patience()));
  BOOST_TEST((code_of(client.ping(patience(seconds(60), cancel.fd()))) == Code::Cancelled));
  BOOST_TEST((code_of(client.next_event(patience(seconds(60), cancel.fd()))) == Code::Cancelled));
  BOOST_TEST(!client.is_over());
  BOOST_TEST(client.ping(patience()).ok());
  BOOST_TEST((code_of(AmiClient::open(server.address, login(), patience(seconds(60), cancel.fd()))) ==
              Code::Cancelled));
}

BOOST_AUTO_TEST_CASE(when_asterisk_goes_what_it_said_before_is_still_heard) {
  FakeServer server({[](Caller& caller) {
    caller.say(kWelcome);
    caller.hear("\r\n\r\n");
    caller.hear("\r\n\r\n");
    caller.say("Event: Shutdown\r\nShutdown: Cleanly\r\n\r\n");
  }});
  AmiClient client = must(AmiClient::open(server.address, login(), patience()));
  const auto ping = client.ping(patience());
  BOOST_TEST((code_of(ping) == Code::Unavailable));
  BOOST_TEST(client.is_over());
  BOOST_TEST(must(client.next_event(patience()))->event() == "Shutdown");
  BOOST_TEST((code_of(client.next_event(patience())) == Code::Unavailable));
  BOOST_TEST((code_of(client.ping(patience())) == Code::Unavailable));
}

BOOST_AUTO_TEST_CASE(events_are_waited_for_as_long_as_somebody_wants) {
  FakeServer server({[](Caller& caller) {
    caller.say(kWelcome + "Event: A\r\n\r\nEvent: B\r\n\r\n");
    caller.hear("x");
  }});
  AmiClient client = must(AmiClient::open(server.address, login(), patience()));
  BOOST_TEST(must(client.next_event(patience()))->event() == "A");
  BOOST_TEST(must(client.next_event(patience()))->event() == "B");
  BOOST_TEST(!must(client.next_event(patience(milliseconds(10)))).has_value());
  BOOST_TEST(!must(client.next_event(patience(seconds(-1)))).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
