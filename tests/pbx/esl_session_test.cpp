#include "common/pbx/esl_session.h"

#include <map>

#include "tests/pbx/transcript.h"

using namespace ha;
using namespace ha::pbx;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const SteadyTime kStart{std::chrono::hours(1'000)};
const std::string kGreeting = "Content-Type: auth/request\n\n";

std::string reply(const std::string& text = "+OK", const std::string& headers = "") {
  return "Content-Type: command/reply\nReply-Text: " + text + "\n" + headers + "\n";
}

std::string framed(const std::string& type, const std::string& body) {
  return "Content-Length: " + std::to_string(body.size()) + "\nContent-Type: " + type + "\n\n" + body;
}

std::string output(const std::string& body) {
  return framed("api/response", body);
}

std::string event(const std::string& fields) {
  return framed("text/event-plain", fields);
}

std::string job_event(const std::string& uuid, const std::string& body) {
  return event("Event-Name: BACKGROUND_JOB\nJob-UUID: " + uuid +
               "\nContent-Length: " + std::to_string(body.size()) + "\n\n" + body);
}

EslSession ready(const EslLogin& login = {"ClueCon"}, const EslSessionLimits& limits = {}) {
  EslSession session(login, kStart + seconds(5), limits);
  session.on_bytes(kGreeting + reply("+OK accepted") + reply(), kStart);
  BOOST_REQUIRE((session.state() == EslSession::State::Ready));
  static_cast<void>(session.take_output());
  return session;
}

std::uint64_t start(EslSession& session, const Result<EslCommand>& command, Duration limit = seconds(1)) {
  return must(session.start(must(command), kStart + limit, kStart));
}

std::string text_of(EslSession& session, std::uint64_t id) {
  const auto done = session.next_done();
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(done->id == id);
  return must(done->answer).text;
}

Error error_of(EslSession& session, std::uint64_t id) {
  const auto done = session.next_done();
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(done->id == id);
  BOOST_REQUIRE(!done->answer.ok());
  return done->answer.error();
}

// What was sent in freeswitch-commands.raw after the password.
const std::vector<std::string> kCommands = {"api status",
                                            "api sofia status profile internal reg",
                                            "api show registrations as json",
                                            "api nosuchapi",
                                            "bgapi status",
                                            "event plain BACKGROUND_JOB HEARTBEAT",
                                            "bgapi show channels",
                                            "filter Event-Name HEARTBEAT",
                                            "nixevent HEARTBEAT",
                                            "noevents",
                                            "event json CUSTOM sofia::register",
                                            "nosuchcommand",
                                            "event plain NOSUCHEVENT",
                                            "event",
                                            "linger",
                                            "log 3",
                                            "nolog",
                                            "getvar x",
                                            "api uuid_exists 123",
                                            "api hostname",
                                            "api global_getvar core_uuid",
                                            "sendevent CUSTOM\nEvent-Subclass: test::x",
                                            "divert_events on",
                                            "api",
                                            "exit"};

EslCommand command_of(const std::string& line) {
  if (line.starts_with("api ")) {
    return must(esl_api(line.substr(4)));
  }
  return line.starts_with("bgapi ") ? must(esl_bgapi(line.substr(6)))
                                    : EslCommand{EslAnswerKind::Reply, line, line + "\n\n"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_esl_session)

BOOST_AUTO_TEST_CASE(a_conversation_with_a_real_freeswitch_is_held_again) {
  const Bytes stream = fixture("freeswitch-commands.raw");
  const std::size_t logged_in = stream.find("+OK accepted\n\n") + 14;
  const BytesView rest = BytesView(stream).substr(logged_in);
  for (const std::size_t piece : {1U, 5U, 65'536U}) {
    BOOST_TEST_CONTEXT("in pieces of " << piece) {
      EslSession session({"ClueCon"}, kStart + seconds(5));
      session.on_bytes(BytesView(stream).substr(0, logged_in), kStart);
      session.on_bytes(reply(), kStart);  // to our subscription, which was not recorded
      std::map<std::uint64_t, std::string> names;
      for (const std::string& each : kCommands) {
        names[must(session.start(command_of(each), kStart + seconds(60), kStart))] = each;
      }
      for (std::size_t at = 0; at < rest.size(); at += piece) {
        session.on_bytes(rest.substr(at, piece), kStart);
      }
      std::map<std::string, std::string> answers;
      while (const auto done = session.next_done()) {
        answers[names.at(done->id)] =
            done->answer.ok() ? done->answer.value().text : done->answer.error().what();
      }
      BOOST_TEST(answers.size() == kCommands.size());
      BOOST_TEST(answers["api status"].find("is ready") != std::string::npos);
      BOOST_TEST(answers["api hostname"] == "vm");
      BOOST_TEST(answers["api uuid_exists 123"] == "false");
      BOOST_TEST(answers["api nosuchapi"] == "-ERR nosuchapi Command not found!\n");
      BOOST_TEST(answers["bgapi show channels"] == "\n0 total.\n");
      BOOST_TEST(answers["log 3"] == "+OK log level 3 [3]");
      BOOST_TEST(answers["api"] == "-ERR command not found");
      // It was sent before events were wanted: FreeSWITCH never told how it ended, and then hung up.
      BOOST_TEST(answers["bgapi status"] == "FreeSWITCH ends the connection: Disconnected, goodbye.");
      BOOST_TEST((session.state() == EslSession::State::Over));
    }
  }
}

BOOST_AUTO_TEST_CASE(events_of_a_real_freeswitch_come_out) {
  for (const auto& [name, format] : {std::pair("freeswitch-plain.raw", EslFormat::Plain),
                                     std::pair("freeswitch-json.raw", EslFormat::Json)}) {
    EslSession session({"ClueCon", {"ALL"}, {}, format}, kStart + seconds(5));
    session.on_bytes(fixture(name), kStart);
    BOOST_TEST((session.state() == EslSession::State::Ready));
    std::size_t count = 0;
    while (session.next_event()) {
      ++count;
    }
    BOOST_TEST(count == 16U);
    BOOST_TEST(session.events_unreadable() == 0U);
    BOOST_TEST(session.events_lost() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(it_logs_in_and_subscribes_when_it_is_greeted) {
  EslSession session({"ClueCon", {"HEARTBEAT"}, {"sofia::register"}, EslFormat::Json}, kStart + seconds(5));
  BOOST_TEST((session.next_wakeup() == kStart + seconds(5)));
  BOOST_TEST((code_of(session.start(must(esl_api("status")), kStart, kStart)) == Code::Unavailable));
  session.on_bytes(kGreeting, kStart);
  BOOST_TEST(session.take_output() == "auth ClueCon\n\n");
  session.on_bytes(reply("+OK accepted"), kStart);
  BOOST_TEST(session.take_output() == "event json BACKGROUND_JOB HEARTBEAT CUSTOM sofia::register\n\n");
  BOOST_TEST((session.state() == EslSession::State::Subscribing));
  session.on_bytes(reply("+OK event listener enabled json"), kStart);
  BOOST_TEST((session.state() == EslSession::State::Ready));
  BOOST_TEST(!session.next_wakeup().has_value());
}

BOOST_AUTO_TEST_CASE(a_wrong_password_ends_it) {
  EslSession session({"wrong"}, kStart + seconds(5));
  session.on_bytes(fixture("freeswitch-badauth.raw"), kStart);
  BOOST_TEST((session.error()->code() == Code::Denied));
  BOOST_TEST(session.error()->what() == "FreeSWITCH refuses the password: -ERR invalid");
  BOOST_TEST(session.error()->hint() == "see password in event_socket.conf.xml");
  BOOST_TEST(session.take_output() == "");
}

BOOST_AUTO_TEST_CASE(an_access_list_that_refuses_us_ends_it) {
  EslSession session({"x"}, kStart + seconds(5));
  session.on_bytes(framed("text/rude-rejection", "Access Denied, go away.\n"), kStart);
  BOOST_TEST((session.error()->code() == Code::Denied));
  BOOST_TEST(session.error()->hint() == "see apply-inbound-acl in event_socket.conf.xml");
}

BOOST_AUTO_TEST_CASE(somebody_else_s_greeting_ends_it) {
  EslSession session({"x"}, kStart + seconds(5));
  session.on_bytes(reply(), kStart);
  BOOST_TEST((session.error()->code() == Code::Corrupt));
  EslSession manager({"x"}, kStart + seconds(5));
  manager.on_bytes("Asterisk Call Manager/5.0.4\r\n\n\n", kStart);
  BOOST_TEST((manager.error()->code() == Code::Corrupt));
  BOOST_TEST(!manager.error()->hint().empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_travel_is_refused_before_it_does) {
  EslSession session({"x\n\napi shutdown"}, kStart + seconds(5));
  session.on_bytes(kGreeting, kStart);
  BOOST_TEST((session.error()->code() == Code::Invalid));
  BOOST_TEST(session.take_output() == "");
  EslSession events({"x", {"A B"}}, kStart + seconds(5));
  events.on_bytes(kGreeting + reply(), kStart);
  BOOST_TEST((events.error()->code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_subscription_that_is_refused_ends_it) {
  EslSession session({"x"}, kStart + seconds(5));
  session.on_bytes(kGreeting + reply() + reply("-ERR no keywords supplied"), kStart);
  BOOST_TEST((session.error()->code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(silence_before_it_is_ready_is_timed_out) {
  EslSession silent({"x"}, kStart + seconds(5));
  silent.on_tick(kStart + milliseconds(4'999));
  BOOST_TEST(!silent.error().has_value());
  silent.on_tick(kStart + seconds(5));
  BOOST_TEST(silent.error()->what() == "no greeting from FreeSWITCH");
  EslSession greeted({"x"}, kStart + seconds(5));
  greeted.on_bytes(kGreeting, kStart);
  greeted.on_tick(kStart + seconds(5));
  BOOST_TEST((greeted.error()->code() == Code::TimedOut));
}

BOOST_AUTO_TEST_CASE(answers_come_in_the_order_of_the_commands) {
  EslSession session = ready();
  const auto status = start(session, esl_api("status"));
  const auto sent = start(session, esl_send_event("x", {}));
  BOOST_TEST(session.take_output() == "api status\n\nsendevent CUSTOM\nEvent-Subclass: hareplicate::x\n\n");
  session.on_bytes(output("UP") + event("Event-Name: HEARTBEAT\n") + reply("+OK 3bb8"),
                   kStart + milliseconds(4));
  const auto done = session.next_done();
  BOOST_TEST(done->id == status);
  BOOST_TEST(must(done->answer).text == "UP");
  BOOST_TEST((must(done->answer).took == milliseconds(4)));
  BOOST_TEST(text_of(session, sent) == "+OK 3bb8");
  BOOST_TEST(session.next_event()->name() == "HEARTBEAT");
}

BOOST_AUTO_TEST_CASE(a_job_is_done_when_its_event_comes) {
  EslSession session = ready();
  const auto slow = start(session, esl_bgapi("slow"));
  const auto quick = start(session, esl_bgapi("quick"));
  const auto status = start(session, esl_api("status"));
  session.on_bytes(reply("+OK Job-UUID: u1", "Job-UUID: u1\n") + reply("+OK Job-UUID: u2", "Job-UUID: u2\n") +
                       output("UP"),
                   kStart);
  BOOST_TEST(text_of(session, status) == "UP");
  BOOST_TEST(session.unanswered() == 2U);
  session.on_bytes(job_event("u9", "of somebody else") + job_event("u2", "2") + job_event("u1", "1"), kStart);
  BOOST_TEST(text_of(session, quick) == "2");
  BOOST_TEST(text_of(session, slow) == "1");
  BOOST_TEST(!session.next_event().has_value());
  BOOST_TEST(session.unanswered() == 0U);
}

BOOST_AUTO_TEST_CASE(jobs_of_others_are_heard_by_who_asks_for_them) {
  EslSession session = ready({"x", {"BACKGROUND_JOB"}});
  session.on_bytes(job_event("u9", "of somebody else"), kStart);
  BOOST_TEST(session.next_event()->body == "of somebody else");
}

BOOST_AUTO_TEST_CASE(a_job_that_is_refused_is_answered_at_once) {
  EslSession session = ready();
  const auto job = start(session, esl_bgapi("x"));
  session.on_bytes(reply("-ERR command not found"), kStart);
  BOOST_TEST(text_of(session, job) == "-ERR command not found");
  BOOST_TEST(session.unanswered() == 0U);
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_the_waiting_and_answers_stay_with_their_commands) {
  EslSession session = ready();
  const auto slow = start(session, esl_api("slow"), seconds(1));
  const auto next = start(session, esl_api("next"), seconds(3));
  BOOST_TEST((session.next_wakeup() == kStart + seconds(1)));
  session.on_tick(kStart + seconds(1));
  const Error error = error_of(session, slow);
  BOOST_TEST((error.code() == Code::TimedOut));
  BOOST_TEST(error.what() == "no answer to api slow");
  BOOST_TEST((session.next_wakeup() == kStart + seconds(3)));
  session.on_bytes(output("slow") + output("next"), kStart + seconds(2));
  BOOST_TEST(text_of(session, next) == "next");
  BOOST_TEST(!session.next_done().has_value());
}

BOOST_AUTO_TEST_CASE(a_job_that_does_not_end_is_given_up) {
  EslSession session = ready();
  const auto job = start(session, esl_bgapi("x"));
  const auto unheard = start(session, esl_bgapi("y"));
  session.on_bytes(reply("+OK", "Job-UUID: u1\n"), kStart);
  BOOST_TEST((session.next_wakeup() == kStart + seconds(1)));
  session.on_tick(kStart + seconds(1));
  BOOST_TEST((error_of(session, unheard).code() == Code::TimedOut));
  BOOST_TEST((error_of(session, job).code() == Code::TimedOut));
  session.on_bytes(reply("+OK", "Job-UUID: u2\n") + job_event("u1", "late") + job_event("u2", "late"),
                   kStart);
  BOOST_TEST(!session.next_done().has_value());
  BOOST_TEST(session.unanswered() == 0U);
}

BOOST_AUTO_TEST_CASE(a_freeswitch_that_answers_nothing_is_seen) {
  EslSession session = ready();
  for (std::size_t i = 0; i < kEslPendingMax; ++i) {
    start(session, esl_api("status"));
  }
  session.on_tick(kStart + seconds(1));
  const auto more = session.start(must(esl_api("status")), kStart + seconds(9), kStart + seconds(1));
  BOOST_TEST((code_of(more) == Code::Exhausted));
  BOOST_TEST(more.error().what() == "FreeSWITCH has not answered 64 commands");
}

BOOST_AUTO_TEST_CASE(answers_that_nobody_asked_for_end_it) {
  EslSession session = ready();
  session.on_bytes(reply(), kStart);
  BOOST_TEST((session.error()->code() == Code::Corrupt));
  EslSession mixed = ready();
  const auto sent = start(mixed, esl_send_event("x", {}));
  mixed.on_bytes(output("UP"), kStart);
  BOOST_TEST((error_of(mixed, sent).code() == Code::Corrupt));
  BOOST_TEST(mixed.error()->what() == "FreeSWITCH answers sendevent x with the output of another command");
}

BOOST_AUTO_TEST_CASE(events_that_do_not_parse_are_counted_and_the_rest_goes_on) {
  EslSession session = ready({"x", {"ALL"}});
  session.on_bytes(event("no event") + framed("text/event-json", "{") + framed("text/event-xml", "<x/>") +
                       framed("log/data", "a line") + event("Event-Name: HEARTBEAT\n"),
                   kStart);
  BOOST_TEST(session.events_unreadable() == 3U);
  BOOST_TEST(session.next_event()->name() == "HEARTBEAT");
  BOOST_TEST((session.state() == EslSession::State::Ready));
}

BOOST_AUTO_TEST_CASE(the_oldest_events_go_when_nobody_takes_them) {
  EslSessionLimits limits;
  limits.events_max = 1;
  EslSession session = ready({"x", {"ALL"}}, limits);
  session.on_bytes(event("Event-Name: A\n") + event("Event-Name: B\n"), kStart);
  BOOST_TEST(session.events_lost() == 1U);
  BOOST_TEST(session.next_event()->name() == "B");
}

BOOST_AUTO_TEST_CASE(a_shutdown_says_so) {
  EslSession session({"ClueCon", {"ALL"}}, kStart + seconds(5));
  session.on_bytes(fixture("freeswitch-shutdown.raw"), kStart);
  BOOST_TEST((session.error()->code() == Code::Unavailable));
  BOOST_TEST(session.error()->what() == "FreeSWITCH ends the connection: The system is being shut down.");
  std::size_t events = 0;
  while (session.next_event()) {
    ++events;
  }
  BOOST_TEST(events == 15U);  // what was heard before
}

BOOST_AUTO_TEST_CASE(a_notice_of_lingering_ends_nothing) {
  EslSession session = ready();
  session.on_bytes("Content-Type: text/disconnect-notice\nContent-Disposition: linger\nContent-Length: 0\n\n",
                   kStart);
  BOOST_TEST((session.state() == EslSession::State::Ready));
}

BOOST_AUTO_TEST_CASE(when_the_connection_ends_everything_ends) {
  EslSession session = ready();
  const auto status = start(session, esl_api("status"));
  const auto job = start(session, esl_bgapi("x"));
  session.on_bytes(output("UP") + reply("+OK", "Job-UUID: u1\n"), kStart);
  BOOST_TEST(text_of(session, status) == "UP");
  const auto other = start(session, esl_api("status"));
  session.on_closed();
  BOOST_TEST((error_of(session, other).code() == Code::Unavailable));
  BOOST_TEST((error_of(session, job).code() == Code::Unavailable));
  BOOST_TEST(session.unanswered() == 0U);
  BOOST_TEST((code_of(session.start(must(esl_api("x")), kStart, kStart)) == Code::Unavailable));
  BOOST_TEST(!session.next_wakeup().has_value());
}

BOOST_AUTO_TEST_CASE(freeswitch_s_errors_have_codes) {
  BOOST_TEST(EslAnswer{"+OK"}.check().ok());
  BOOST_TEST(EslAnswer{""}.check().ok());
  BOOST_TEST((EslAnswer{"-ERR command not found"}.check().error().code() == Code::Unsupported));
  BOOST_TEST((EslAnswer{"-ERR nosuchapi Command not found!\n"}.check().error().code() == Code::Unsupported));
  BOOST_TEST((EslAnswer{"-ERR no reply\n"}.check().error().code() == Code::Invalid));
  BOOST_TEST((EslAnswer{"-USAGE: <uuid>\n"}.check().error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
