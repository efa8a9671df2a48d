#include "common/pbx/ami_session.h"

#include "tests/pbx/ami_replay.h"

using namespace ha;
using namespace ha::pbx;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kGreeting = "Asterisk Call Manager/5.0.4\r\n";
const std::string kWelcome =
    "Response: Success\r\nActionID: login\r\nMessage: Authentication accepted\r\n\r\n";

AmiSession ready(const AmiSessionLimits& limits = {}) {
  AmiSession session({"ha", "s3cret"}, kStart + seconds(5), limits);
  session.on_bytes(kGreeting + kWelcome, kStart);
  BOOST_REQUIRE((session.state() == AmiSession::State::Ready));
  static_cast<void>(session.take_output());
  return session;
}

std::string answer(std::uint64_t id, const std::string& rest = "") {
  return "Response: Success\r\nActionID: " + std::to_string(id) + "\r\n" + rest + "\r\n";
}

std::string item(std::uint64_t id, const std::string& name, const std::string& rest = "") {
  return "Event: " + name + "\r\nActionID: " + std::to_string(id) + "\r\n" + rest + "\r\n";
}

std::uint64_t start(AmiSession& session, const std::string& name, Duration limit = seconds(1)) {
  return must(session.start({name}, kStart + limit, kStart));
}

Error error_of(AmiSession& session, std::uint64_t id) {
  const auto done = session.next_done();
  BOOST_REQUIRE(done.has_value());
  BOOST_TEST(done->id == id);
  BOOST_REQUIRE(!done->answer.ok());
  return done->answer.error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_ami_session)

BOOST_AUTO_TEST_CASE(a_conversation_with_a_real_asterisk_is_held_again) {
  for (const char* const name : {"asterisk16-answers.txt", "asterisk22-answers.txt"}) {
    for (const std::size_t piece : {1U, 7U, 65'536U}) {
      BOOST_TEST_CONTEXT(name << " in pieces of " << piece) {
        AmiReplay replay(name, piece);
        BOOST_TEST((replay.session.state() == AmiSession::State::Ready));
        BOOST_TEST(replay.session.fully_booted());
        BOOST_TEST(replay.session.unanswered() == 0U);
        BOOST_TEST(replay.answers.size() == replay.names.size());
        BOOST_TEST(replay.answers.at("Ping").response.text("Ping") == "Pong");
        BOOST_TEST((replay.answers.at("Ping").took == milliseconds(7)));
        BOOST_TEST(replay.answers.at("Logoff").response.response() == "Goodbye");
        const AmiAnswer& contacts = replay.answers.at("PJSIPShowContacts");
        BOOST_TEST(contacts.items.size() == 1U);
        BOOST_TEST(contacts.end.event() == "ContactListComplete");
        // An event with the id of an action that is no list.
        const auto user = std::find_if(replay.events.begin(), replay.events.end(),
                                       [](const AmiMessage& each) { return each.event() == "UserEvent"; });
        BOOST_REQUIRE(user != replay.events.end());
        BOOST_TEST(user->text("Nonce") == "7");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(it_logs_in_when_it_is_greeted) {
  AmiSession session({"ha", "s3cret", ""}, kStart + seconds(5));
  BOOST_TEST(session.take_output() == "");
  BOOST_TEST((session.next_wakeup() == kStart + seconds(5)));
  BOOST_TEST((code_of(session.start({"Ping"}, kStart, kStart)) == Code::Unavailable));
  session.on_bytes(kGreeting, kStart);
  BOOST_TEST(session.take_output() ==
             "Action: Login\r\nActionID: login\r\nUsername: ha\r\nSecret: s3cret\r\nEvents: off\r\n\r\n");
  BOOST_TEST((session.state() == AmiSession::State::LoggingIn));
  session.on_bytes(kWelcome, kStart);
  BOOST_TEST((session.state() == AmiSession::State::Ready));
  BOOST_TEST(session.version().value() == "5.0.4");
  BOOST_TEST(!session.fully_booted());
  BOOST_TEST(!session.next_wakeup().has_value());
  BOOST_TEST(session.take_output() == "");
}

BOOST_AUTO_TEST_CASE(a_login_that_is_refused_ends_it) {
  AmiSession session({"ha", "wrong"}, kStart + seconds(5));
  session.on_bytes(kGreeting + "Response: Error\r\nActionID: login\r\nMessage: Authentication failed\r\n\r\n",
                   kStart);
  BOOST_TEST((session.state() == AmiSession::State::Over));
  BOOST_TEST((session.error()->code() == Code::Denied));
  BOOST_TEST(session.error()->what() == "Asterisk refuses the login: Authentication failed");
  BOOST_TEST(!session.error()->hint().empty());
  session.on_bytes(kWelcome, kStart);  // too late
  session.on_closed();
  BOOST_TEST((session.error()->code() == Code::Denied));
}

BOOST_AUTO_TEST_CASE(a_secret_that_cannot_travel_is_refused_before_it_does) {
  AmiSession session({"ha", "x\r\nAction: Command"}, kStart + seconds(5));
  session.on_bytes(kGreeting, kStart);
  BOOST_TEST((session.error()->code() == Code::Invalid));
  BOOST_TEST(session.take_output() == "");
}

BOOST_AUTO_TEST_CASE(silence_before_and_after_the_greeting_is_timed_out) {
  AmiSession silent({"ha", "x"}, kStart + seconds(5));
  silent.on_tick(kStart + milliseconds(4'999));
  BOOST_TEST(!silent.error().has_value());
  silent.on_tick(kStart + seconds(5));
  BOOST_TEST(silent.error()->what() == "no greeting from Asterisk");
  AmiSession greeted({"ha", "x"}, kStart + seconds(5));
  greeted.on_bytes(kGreeting, kStart);
  greeted.on_tick(kStart + seconds(5));
  BOOST_TEST((greeted.error()->code() == Code::TimedOut));
  BOOST_TEST(greeted.error()->what() == "no answer to the login from Asterisk");
}

BOOST_AUTO_TEST_CASE(answers_find_their_actions_in_any_order) {
  AmiSession session = ready();
  const auto first = start(session, "Ping");
  const auto second = start(session, "CoreStatus");
  BOOST_TEST(session.take_output() ==
             "Action: Ping\r\nActionID: 1\r\n\r\nAction: CoreStatus\r\nActionID: 2\r\n\r\n");
  session.on_bytes(answer(second) + answer(first), kStart + milliseconds(3));
  BOOST_TEST(session.next_done()->id == second);
  const auto done = session.next_done();
  BOOST_TEST(done->id == first);
  BOOST_TEST((must(done->answer).took == milliseconds(3)));
  BOOST_TEST(!session.next_done().has_value());
  BOOST_TEST(session.unanswered() == 0U);
}

BOOST_AUTO_TEST_CASE(lists_are_gathered_also_when_they_mix) {
  AmiSession session = ready();
  const auto a = start(session, "A");
  const auto b = start(session, "B");
  session.on_bytes(answer(a, "EventList: start\r\n") + item(a, "AItem") + answer(b, "EventList: start\r\n") +
                       item(b, "BItem") + "Event: Newchannel\r\n\r\n" + item(a, "AItem") +
                       item(b, "BDone", "EventList: Complete\r\n") +
                       item(a, "ADone", "EventList: Complete\r\n"),
                   kStart);
  const auto b_done = session.next_done();
  BOOST_TEST(b_done->id == b);
  BOOST_TEST(must(b_done->answer).items.size() == 1U);
  const auto a_done = session.next_done();
  BOOST_TEST(must(a_done->answer).items.size() == 2U);
  BOOST_TEST(must(a_done->answer).end.event() == "ADone");
  BOOST_TEST(session.next_event()->event() == "Newchannel");
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_the_waiting_and_a_late_answer_is_nobody_s) {
  AmiSession session = ready();
  const auto slow = start(session, "Slow", seconds(1));
  const auto slower = start(session, "Slower", seconds(2));
  BOOST_TEST((session.next_wakeup() == kStart + seconds(1)));
  session.on_tick(kStart + seconds(1));
  const Error error = error_of(session, slow);
  BOOST_TEST((error.code() == Code::TimedOut));
  BOOST_TEST(error.what() == "no answer to Slow");
  BOOST_TEST((session.next_wakeup() == kStart + seconds(2)));
  BOOST_TEST(session.unanswered() == 2U);
  session.on_bytes(answer(slow, "EventList: start\r\n") + item(slow, "X") +
                       item(slow, "Y", "EventList: Complete\r\n") + answer(slower),
                   kStart + seconds(1));
  BOOST_TEST(session.next_done()->id == slower);
  BOOST_TEST(!session.next_done().has_value());
  BOOST_TEST(!session.next_event().has_value());  // its items are no events
  BOOST_TEST(session.unanswered() == 0U);
  BOOST_TEST((session.state() == AmiSession::State::Ready));
}

BOOST_AUTO_TEST_CASE(an_asterisk_that_answers_nothing_is_seen) {
  AmiSession session = ready();
  for (std::size_t i = 0; i < kAmiPendingMax; ++i) {
    start(session, "Ping");
  }
  session.on_tick(kStart + seconds(1));
  const auto more = session.start({"Ping"}, kStart + seconds(9), kStart + seconds(1));
  BOOST_TEST((code_of(more) == Code::Exhausted));
  BOOST_TEST(more.error().what() == "Asterisk has not answered 64 actions, the first of them Ping");
  session.on_bytes(answer(17), kStart + seconds(1));
  BOOST_TEST(session.start({"Ping"}, kStart + seconds(9), kStart + seconds(1)).ok());
}

BOOST_AUTO_TEST_CASE(an_action_that_cannot_be_written_is_not_started) {
  AmiSession session = ready();
  BOOST_TEST((code_of(session.start({"X", {{"A", "b\r\n"}}}, kStart, kStart)) == Code::Invalid));
  BOOST_TEST(session.unanswered() == 0U);
  BOOST_TEST(session.take_output() == "");
  BOOST_TEST(start(session, "Ping") == 1U);
}

BOOST_AUTO_TEST_CASE(a_list_that_is_too_long_fails_alone) {
  AmiSessionLimits limits;
  limits.items_max = 3;
  AmiSession session = ready(limits);
  const auto list = start(session, "List");
  const auto ping = start(session, "Ping");
  std::string bytes = answer(list, "EventList: start\r\n");
  for (int i = 0; i < 10; ++i) {
    bytes += item(list, "Item");
  }
  session.on_bytes(bytes, kStart);
  const Error error = error_of(session, list);
  BOOST_TEST((error.code() == Code::Exhausted));
  BOOST_TEST(error.what() == "List lists more than 3 items or 33554432 bytes");
  session.on_bytes(item(list, "Done", "EventList: Complete\r\n") + answer(ping), kStart);
  BOOST_TEST(session.next_done()->id == ping);
  BOOST_TEST(session.unanswered() == 0U);
}

BOOST_AUTO_TEST_CASE(a_list_is_bounded_in_bytes_too) {
  AmiSessionLimits limits;
  limits.item_bytes_max = 5'000;
  AmiSession session = ready(limits);
  const auto list = start(session, "List");
  session.on_bytes(
      answer(list, "EventList: start\r\n") + item(list, "Item", "A: " + std::string(6'000, 'x') + "\r\n"),
      kStart);
  BOOST_TEST((error_of(session, list).code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(the_oldest_events_go_when_nobody_takes_them) {
  AmiSessionLimits limits;
  limits.events_max = 2;
  AmiSession session = ready(limits);
  for (const char* const name : {"A", "B", "C"}) {
    session.on_bytes("Event: " + std::string(name) + "\r\n\r\n", kStart);
  }
  BOOST_TEST(session.events_lost() == 1U);
  BOOST_TEST(session.next_event()->event() == "B");
  BOOST_TEST(session.next_event()->event() == "C");
  BOOST_TEST(!session.next_event().has_value());
  limits.event_bytes_max = 1'000;
  AmiSession small = ready(limits);
  small.on_bytes("Event: A\r\nX: " + std::string(2'000, 'x') + "\r\n\r\n", kStart);
  BOOST_TEST(!small.next_event().has_value());
  BOOST_TEST(small.events_lost() == 1U);
}

BOOST_AUTO_TEST_CASE(what_belongs_to_nobody_is_passed_over) {
  AmiSession session = ready();
  const auto ping = start(session, "Ping");
  session.on_bytes("Response: Error\r\nMessage: Too many lines in message or allocation failure\r\n\r\n" +
                       answer(99) + answer(0) + "Response: Success\r\nActionID: x\r\n\r\n" +
                       "just text\r\n\r\n" + kWelcome + answer(ping),
                   kStart);
  BOOST_TEST(session.next_done()->id == ping);
  BOOST_TEST(!session.next_event().has_value());
  BOOST_TEST((session.state() == AmiSession::State::Ready));
}

BOOST_AUTO_TEST_CASE(when_the_connection_ends_everything_ends) {
  AmiSession session = ready();
  const auto ping = start(session, "Ping");
  const auto late = start(session, "Late", milliseconds(1));
  session.on_tick(kStart + milliseconds(1));
  BOOST_TEST((error_of(session, late).code() == Code::TimedOut));
  session.on_closed();
  const Error error = error_of(session, ping);
  BOOST_TEST((error.code() == Code::Unavailable));
  BOOST_TEST(error.what() == "Asterisk has ended the connection");
  BOOST_TEST(!session.next_done().has_value());
  BOOST_TEST(session.unanswered() == 0U);
  BOOST_TEST((code_of(session.start({"Ping"}, kStart, kStart)) == Code::Unavailable));
  BOOST_TEST(session.take_output() == "");
  BOOST_TEST(!session.next_wakeup().has_value());
  AmiSession early({"ha", "x"}, kStart + seconds(5));
  early.on_closed();
  BOOST_TEST(early.error()->what() == "Asterisk has ended the connection before the login");
}

BOOST_AUTO_TEST_CASE(bytes_that_do_not_parse_end_it_with_one_error) {
  AmiSession session = ready();
  const auto ping = start(session, "Ping");
  session.on_bytes("Event: X\r\nA: " + std::string(100'000, 'x'), kStart);
  BOOST_TEST((error_of(session, ping).code() == Code::Exhausted));
  BOOST_TEST((session.state() == AmiSession::State::Over));
  session.on_bytes("\r\n\r\n" + answer(ping), kStart);
  BOOST_TEST(!session.next_done().has_value());
}

BOOST_AUTO_TEST_CASE(asterisk_s_errors_have_codes) {
  const auto code = [](const std::string& message) {
    AmiSession session = ready();
    start(session, "X");
    session.on_bytes("Response: Error\r\nActionID: 1\r\nMessage: " + message + "\r\n\r\n", kStart);
    return must(session.next_done()->answer).check().error().code();
  };
  BOOST_TEST((code("Permission denied") == Code::Denied));
  BOOST_TEST((code("Invalid/unknown command: X. Use Action: ListCommands to show available commands.") ==
              Code::Unsupported));
  BOOST_TEST((code("No such channel\n") == Code::Invalid));
  BOOST_TEST(AmiAnswer().check().ok());
}

BOOST_AUTO_TEST_SUITE_END()
