#include "common/pbx/ami.h"

#include "tests/pbx/transcript.h"

using namespace ha;
using namespace ha::pbx;

namespace {

const std::string kGreeting = "Asterisk Call Manager/5.0.4\r\n";

// The messages as lines again.
Bytes joined_again(const std::vector<AmiMessage>& messages) {
  Bytes out;
  for (const AmiMessage& message : messages) {
    for (const Field& each : message.fields) {
      out += each.name + ": " + each.value + "\r\n";
    }
    out += "\r\n";
  }
  return out;
}

std::vector<AmiMessage> messages_of(const std::string& text) {
  return decode<AmiDecoder>({kGreeting + text});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_ami)

BOOST_AUTO_TEST_CASE(every_line_of_every_transcript_is_a_field_in_its_place) {
  for (const std::string& name : kAmiTranscripts) {
    BOOST_TEST_CONTEXT(name) {
      const Bytes stream = ami_bytes(name, '<');
      const std::size_t greeting = stream.find("\r\n") + 2;
      BOOST_TEST(joined_again(decode<AmiDecoder>({stream})) == stream.substr(greeting));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_transcript_cut_at_any_byte_gives_the_same_messages) {
  for (const std::string& name : kAmiTranscripts) {
    BOOST_TEST_CONTEXT(name) {
      const Bytes stream = ami_bytes(name, '<');
      check_every_cut<AmiDecoder>(stream, BytesView(stream).substr(0, stream.find("\r\n") + 2));
      check_random_pieces<AmiDecoder>(stream);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_greeting_says_the_version) {
  AmiDecoder decoder;
  decoder.feed("Asterisk Call Manager/11.0");
  BOOST_TEST(!must(decoder.next()).has_value());
  BOOST_TEST(!decoder.version().has_value());
  decoder.feed(".0\r\n");
  BOOST_TEST(!must(decoder.next()).has_value());
  BOOST_TEST(decoder.version().value() == "11.0.0");
}

BOOST_AUTO_TEST_CASE(order_and_repetition_are_kept) {
  const auto messages =
      messages_of("Event: X\r\nVariable: a=1\r\nOutput:   two\r\nVariable: b\r\nEmpty: \r\nBare:\r\n\r\n");
  BOOST_REQUIRE(messages.size() == 1U);
  BOOST_TEST(messages[0].event() == "X");
  BOOST_TEST(messages[0].response() == "");
  const auto variables = messages[0].fields.all("variable");
  BOOST_REQUIRE(variables.size() == 2U);
  BOOST_TEST(variables[0] == "a=1");
  BOOST_TEST(variables[1] == "b");
  BOOST_TEST(messages[0].text("Output") == "  two");  // one blank belongs to the colon
  BOOST_REQUIRE(messages[0].fields.find("Empty") != nullptr);
  BOOST_TEST(messages[0].text("Bare") == "");
  BOOST_TEST(messages[0].fields.find("nosuch") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_lone_line_feed_belongs_to_the_value) {
  // As Asterisk really ends some messages of errors.
  const auto messages =
      messages_of("Response: Error\r\nMessage: No Contacts found\n\r\n\r\nEvent: Y\r\n\r\n");
  BOOST_REQUIRE(messages.size() == 2U);
  BOOST_TEST(messages[0].response() == "Error");
  BOOST_TEST(messages[0].text("Message") == "No Contacts found\n");
  BOOST_TEST(messages[1].event() == "Y");
}

BOOST_AUTO_TEST_CASE(a_line_without_a_colon_is_a_field_without_a_name) {
  const auto messages = messages_of("Response: Success\r\nlab has 0 calls\r\n   : x\r\n\r\n\r\n\r\n");
  BOOST_REQUIRE(messages.size() == 1U);
  BOOST_TEST(messages[0].fields[1].name == "");
  BOOST_TEST(messages[0].fields[1].value == "lab has 0 calls");
  BOOST_TEST(messages[0].fields[2].name == "   ");
}

BOOST_AUTO_TEST_CASE(somebody_else_s_greeting_is_corrupt) {
  for (const std::string& wrong :
       {std::string("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), std::string("\r\n"), std::string(300, 'x'),
        std::string("Content-Type: auth/request\n\n") + std::string(300, ' '), std::string("\0\r\n", 3)}) {
    const Error error = error_of<AmiDecoder>(wrong);
    BOOST_TEST((error.code() == Code::Corrupt));
  }
  const Error error = error_of<AmiDecoder>("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
  BOOST_TEST(error.what() ==
             "it greets with \"SSH-2.0-OpenSSH_9.2p1 Debian-2\", which is no Asterisk manager");
  BOOST_TEST(error.hint() == "see port and bindaddr in manager.conf");
}

BOOST_AUTO_TEST_CASE(a_line_that_never_ends_is_bounded) {
  const std::string endless(10'000'000, 'x');
  for (const std::size_t piece : {std::size_t{1'000}, std::size_t{65'536}, endless.size()}) {
    const Error error = error_of<AmiDecoder>(kGreeting + "Event: " + endless, piece);
    BOOST_TEST((error.code() == Code::Exhausted));
    BOOST_TEST(error.what() == "a line of more than 65536 bytes");
  }
}

BOOST_AUTO_TEST_CASE(the_longest_line_is_read_in_any_cut) {
  const std::string line = "A: " + std::string((64 << 10) - 3, 'x');
  for (std::size_t cut = line.size() - 3; cut <= line.size() + 3; ++cut) {
    const Bytes stream = kGreeting + line + "\r\n\r\n";
    const std::size_t at = kGreeting.size() + cut;
    const auto messages = decode<AmiDecoder>({BytesView(stream).substr(0, at), BytesView(stream).substr(at)});
    BOOST_REQUIRE(messages.size() == 1U);
    BOOST_TEST(messages[0].text("A").size() == line.size() - 3);
    BOOST_TEST((error_of<AmiDecoder>(kGreeting + line + "x\r\n\r\n", at).code() == Code::Exhausted));
  }
}

BOOST_AUTO_TEST_CASE(a_million_headers_are_too_many) {
  std::string text = kGreeting + "Event: X\r\n";
  for (int i = 0; i < 1'000'000; ++i) {
    text += "A: b\r\n";
  }
  const Error error = error_of<AmiDecoder>(text);
  BOOST_TEST((error.code() == Code::Exhausted));
  BOOST_TEST(error.what() == "a message of more than 65536 lines or 8388608 bytes");
}

BOOST_AUTO_TEST_CASE(a_message_of_long_lines_is_bounded_in_bytes) {
  std::string text = kGreeting;
  for (int i = 0; i < 200; ++i) {
    text += "A: " + std::string(60'000, 'x') + "\r\n";
  }
  BOOST_TEST((error_of<AmiDecoder>(text).code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(a_nul_byte_is_corrupt) {
  const Error error = error_of<AmiDecoder>(kGreeting + std::string("Event: a\0b\r\n\r\n", 14));
  BOOST_TEST((error.code() == Code::Corrupt));
  BOOST_TEST(error.what() == "a NUL byte in \"Event: a\\x00b\"");
}

BOOST_AUTO_TEST_CASE(an_action_is_written_as_it_travels) {
  BOOST_TEST(must(encode_action({"DBPut", {{"Family", "ha"}, {"Val", "a: b"}}}, "7")) ==
             "Action: DBPut\r\nActionID: 7\r\nFamily: ha\r\nVal: a: b\r\n\r\n");
  BOOST_TEST(must(encode_action({"Ping"}, "")) == "Action: Ping\r\n\r\n");
  // What goes in comes out, at any length that travels.
  for (const std::size_t size : {0U, 1U, 990U, 995U}) {
    const std::string value(size, 'v');
    const auto back = decode<AmiDecoder>({kGreeting + must(encode_action({"X", {{"Val", value}}}, "1"))});
    BOOST_REQUIRE(back.size() == 1U);
    BOOST_TEST(back[0].text("Val") == value);
  }
}

BOOST_AUTO_TEST_CASE(nothing_in_an_action_can_begin_another_field) {
  const std::string nul("a\0b", 3);
  const std::vector<AmiAction> wrong = {
      {"", {}},
      {"Ping\r\nAction: Command", {}},
      {"X", {{"A", "b\r\nAction: Command"}}},
      {"X", {{"A", "b\nc"}}},
      {"X", {{"A", "b\rc"}}},
      {"X", {{"A", nul}}},
      {"X", {{"A: b\r\nC", "d"}}},
      {"X", {{"A:", "b"}}},
      {"X", {{"", "b"}}},
      {"X", {{"A b", "c"}}},
      {"X", {{"Action", "Command"}}},
      {"X", {{"actionid", "9"}}},
      {"X", {{"A", std::string(998, 'x')}}},
      {"X", std::vector<Field>(119, {"A", "b"})},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    BOOST_TEST_CONTEXT(i) {
      BOOST_TEST((code_of(encode_action(wrong[i], "1")) == Code::Invalid));
    }
  }
  BOOST_TEST((code_of(encode_action({"X"}, "1\r\nA: b")) == Code::Invalid));
  BOOST_TEST(encode_action({"X", {{"A", std::string(997, 'x')}}}, "1").ok());
  BOOST_TEST(encode_action({"X", std::vector<Field>(118, {"A", "b"})}, "1").ok());
  BOOST_TEST(encode_action({"DBPut", {{"Val", std::string(996, 'x')}}}, "1").error().what() ==
             "DBPut: Val is longer than Asterisk reads (1000 bytes)");
}

BOOST_AUTO_TEST_SUITE_END()
