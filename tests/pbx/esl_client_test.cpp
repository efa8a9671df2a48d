#include "common/pbx/esl_client.h"

#include <sys/eventfd.h>

#include "tests/pbx/fake_server.h"

using namespace ha;
using namespace ha::pbx;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string framed(const std::string& type, const std::string& body) {
  return "Content-Length: " + std::to_string(body.size()) + "\nContent-Type: " + type + "\n\n" + body;
}

const std::string kOk = "Content-Type: command/reply\nReply-Text: +OK\n\n";

std::string recorded_status() {
  for (const EslFrame& each : decode<EslDecoder>({fixture("freeswitch-commands.raw")})) {
    if (each.type() == "api/response") {
      return each.body;
    }
  }
  return {};
}

void log_in(Caller& caller) {
  caller.say("Content-Type: auth/request\n\n");
  caller.hear("\n\n");
  caller.say(kOk);
  caller.hear("\n\n");
  caller.say(kOk);
}

// Answers what FreeSWITCH would; an event of ours comes back if `event_thread_lives`.
FakeServer::Serve freeswitch(bool event_thread_lives = true) {
  return [=](Caller& caller) {
    log_in(caller);
    for (int job = 0;;) {
      Bytes asked = caller.hear("\n\n");
      if (asked.empty()) {
        return;
      }
      asked.resize(asked.size() - 2);
      if (asked.starts_with("sendevent CUSTOM\n")) {
        const std::string event = "Event-Name: CUSTOM\n" + asked.substr(17) + "\n";
        caller.say(event_thread_lives ? framed("text/event-plain", "Event-Name: HEARTBEAT\n") + kOk +
                                            framed("text/event-plain", event)
                                      : kOk);
      } else if (asked == "bgapi status") {
        const std::string uuid = "Job-UUID: u" + std::to_string(++job) + "\n";
        const std::string body = recorded_status();
        caller.say("Content-Type: command/reply\nReply-Text: +OK " + uuid + uuid + "\n" +
                   framed("text/event-plain", "Event-Name: BACKGROUND_JOB\n" + uuid + "Content-Length: " +
                                                  std::to_string(body.size()) + "\n\n" + body));
      } else if (asked == "api status") {
        caller.say(framed("api/response", recorded_status()));
      } else if (asked == "api sofia status gateway") {
        caller.say(framed("api/response", "x::a\tsip:b\tREGED\t0.00\t0/0\t0/0\n1 gateway: Inbound\n"));
      } else if (asked == "api sofia status gateway a") {
        caller.say(framed("api/response", "Name    \ta\nState   \tREGED\nStatus  \tUP\n"));
      } else if (asked.starts_with("api show ")) {
        caller.say(framed("api/response", "\n" + std::to_string(asked.size()) + " total.\n"));
      } else {
        caller.say(framed("api/response", "-ERR " + asked.substr(4) + " Command not found!\n"));
      }
    }
  };
}

EslLogin login() {
  return {"ClueCon", {"HEARTBEAT"}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_esl_client)

BOOST_AUTO_TEST_CASE(every_question_is_answered) {
  FakeServer server({freeswitch()});
  EslClient client = must(EslClient::open(server.address, login(), patience()));
  BOOST_TEST(must(client.status(patience())).is_ready);
  BOOST_TEST(must(client.job("status", patience())).text == recorded_status());
  BOOST_TEST(must(client.calls(patience())) == std::string("api show calls count").size());
  BOOST_TEST(must(client.channels(patience())) == std::string("api show channels count").size());
  BOOST_TEST(must(client.registrations(patience())) == std::string("api show registrations count").size());
  BOOST_TEST(must(client.gateways(patience())).size() == 1U);
  BOOST_TEST(must(client.gateway("a", patience())).is_up.value());
  BOOST_TEST((must(client.api("nosuch", patience())).check().error().code() == Code::Unsupported));
  BOOST_TEST((code_of(client.api("a\nb", patience())) == Code::Invalid));
  BOOST_TEST((code_of(client.job("", patience())) == Code::Invalid));
  BOOST_TEST(client.send_event("alive", {{"Nonce", "7"}}, patience()).ok());
  BOOST_TEST((code_of(client.send_event("a b", {}, patience())) == Code::Invalid));
  BOOST_TEST(must(client.next_event(patience()))->name() == "HEARTBEAT");
  BOOST_TEST((our_custom_event(*must(client.next_event(patience()))) == "alive"));
  BOOST_TEST(!must(client.next_event(patience(seconds(0)))).has_value());
  BOOST_TEST(client.session().unanswered() == 0U);
}

BOOST_AUTO_TEST_CASE(an_event_that_comes_back_proves_the_event_thread) {
  FakeServer server({freeswitch()});
  EslClient client = must(EslClient::open(server.address, login(), patience()));
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST((must(client.prove_events(patience())) > Duration::zero()));
  }
  // The proofs are ours, the heartbeats are the caller's.
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(must(client.next_event(patience()))->name() == "HEARTBEAT");
  }
  BOOST_TEST(!must(client.next_event(patience(seconds(0)))).has_value());
}

BOOST_AUTO_TEST_CASE(an_event_thread_that_hangs_is_timed_out) {
  FakeServer server({freeswitch(false)});
  EslClient client = must(EslClient::open(server.address, login(), patience()));
  const auto proof = client.prove_events(patience(milliseconds(50)));
  BOOST_TEST((code_of(proof) == Code::TimedOut));
  BOOST_TEST(proof.error().what() ==
             "ESL " + server.address.text() + ": FreeSWITCH has taken an event of ours and not sent it back");
  BOOST_TEST(must(client.status(patience())).is_ready);  // commands are still answered
}

BOOST_AUTO_TEST_CASE(a_proof_of_another_client_is_no_proof) {
  FakeServer server({[](Caller& caller) {
    log_in(caller);
    caller.hear("\n\n");
    caller.say(kOk + framed("text/event-plain",
                            "Event-Name: CUSTOM\nEvent-Subclass: hareplicate%3A%3Aproof\nProof: 1-1\n"));
    caller.hear("x");
  }});
  EslClient client = must(EslClient::open(server.address, login(), patience()));
  BOOST_TEST((code_of(client.prove_events(patience(milliseconds(50)))) == Code::TimedOut));
  BOOST_TEST(!must(client.next_event(patience(seconds(0)))).has_value());
}

BOOST_AUTO_TEST_CASE(who_cannot_be_reached_is_named) {
  const PbxAddress closed = closed_port();
  const auto client = EslClient::open(closed, login(), patience());
  BOOST_TEST((code_of(client) == Code::Unavailable));
  BOOST_TEST(client.error().what() == "ESL " + closed.text() + ": Connection refused");
}

BOOST_AUTO_TEST_CASE(a_wrong_password_is_denied_also_when_the_connection_ends_with_it) {
  FakeServer server({[](Caller& caller) { caller.say(fixture("freeswitch-badauth.raw")); }});
  const auto client = EslClient::open(server.address, login(), patience());
  BOOST_TEST((code_of(client) == Code::Denied));
}

BOOST_AUTO_TEST_CASE(a_server_that_says_nothing_is_timed_out) {
  FakeServer server;
  BOOST_TEST(
      (code_of(EslClient::open(server.address, login(), patience(milliseconds(20)))) == Code::TimedOut));
}

BOOST_AUTO_TEST_CASE(a_command_without_an_answer_is_timed_out_and_those_behind_it_wait) {
  FakeServer server({[](Caller& caller) {
    log_in(caller);
    caller.hear("api next\n\n");
    caller.say(framed("api/response", "slow") + framed("api/response", "next"));
    caller.hear("x");
  }});
  EslClient client = must(EslClient::open(server.address, login(), patience()));
  BOOST_TEST((code_of(client.api("slow", patience(milliseconds(20)))) == Code::TimedOut));
  BOOST_TEST(must(client.api("next", patience())).text == "next");
}

BOOST_AUTO_TEST_CASE(who_gives_up_waits_no_longer) {
  const sys::FileHandle cancel(::eventfd(1, EFD_CLOEXEC), "cancel");
  FakeServer server({freeswitch(false)});
  EslClient client = must(EslClient::open(server.address, login(), patience()));
  BOOST_TEST((code_of(client.status(patience(seconds(60), cancel.fd()))) == Code::Cancelled));
  BOOST_TEST((code_of(client.next_event(patience(seconds(60), cancel.fd()))) == Code::Cancelled));
  BOOST_TEST(must(client.status(patience())).is_ready);
}

BOOST_AUTO_TEST_CASE(when_freeswitch_goes_what_it_said_before_is_still_heard) {
  FakeServer server({[](Caller& caller) {
    log_in(caller);
    caller.hear("\n\n");
    caller.say(framed("text/event-plain", "Event-Name: HEARTBEAT\n") +
               framed("text/disconnect-notice", "The system is being shut down.\n"));
  }});
  EslClient client = must(EslClient::open(server.address, login(), patience()));
  const auto status = client.status(patience());
  BOOST_TEST((code_of(status) == Code::Unavailable));
  BOOST_TEST(status.error().what().find("The system is being shut down.") != std::string::npos);
  BOOST_TEST(client.is_over());
  BOOST_TEST(must(client.next_event(patience()))->name() == "HEARTBEAT");
  BOOST_TEST((code_of(client.next_event(patience())) == Code::Unavailable));
}

BOOST_AUTO_TEST_SUITE_END()
