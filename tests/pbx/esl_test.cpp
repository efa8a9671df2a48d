#include "common/pbx/esl.h"

#include <map>

#include "tests/pbx/transcript.h"

using namespace ha;
using namespace ha::pbx;

namespace {

std::vector<EslEvent> events_of(const std::string& name) {
  std::vector<EslEvent> out;
  for (const EslFrame& each : decode<EslDecoder>({fixture(name)})) {
    if (each.type().starts_with("text/event-")) {
      out.push_back(must(read_event(each)));
    }
  }
  return out;
}

EslFrame event_frame(const std::string& body, const std::string& format = "plain") {
  return {Fields({{"Content-Type", "text/event-" + format}}), body};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_esl)

BOOST_AUTO_TEST_CASE(every_byte_of_every_transcript_is_in_a_frame) {
  const std::map<std::string, std::size_t> frames = {{"freeswitch-badauth.raw", 3},
                                                     {"freeswitch-commands.raw", 29},
                                                     {"freeswitch-json.raw", 19},
                                                     {"freeswitch-plain.raw", 19},
                                                     {"freeswitch-shutdown.raw", 19}};
  for (const auto& [name, count] : frames) {
    BOOST_TEST_CONTEXT(name) {
      const Bytes stream = fixture(name);
      const auto found = decode<EslDecoder>({stream});
      BOOST_TEST(found.size() == count);
      Bytes again;
      for (const EslFrame& frame : found) {
        for (const Field& each : frame.headers) {
          again += each.name + ": " + each.value + "\n";
        }
        again += "\n" + frame.body;
      }
      BOOST_TEST(again == stream);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_transcript_cut_at_any_byte_gives_the_same_frames) {
  for (const std::string& name : kEslTranscripts) {
    BOOST_TEST_CONTEXT(name) {
      const Bytes stream = fixture(name);
      check_every_cut<EslDecoder>(stream, "");
      check_random_pieces<EslDecoder>(stream);
    }
  }
}

BOOST_AUTO_TEST_CASE(headers_come_in_any_order_and_a_body_only_with_a_length) {
  const auto frames =
      decode<EslDecoder>({"\n\nContent-Type: a\nX: y\n\nContent-Length: 3\nContent-Type: "
                          "b\n\nabcContent-Type: c\ncontent-length: 0\n\n"
                          "\nContent-Type: d\n\n"});
  BOOST_REQUIRE(frames.size() == 4U);
  BOOST_TEST(frames[0].headers.text("X") == "y");
  BOOST_TEST(frames[0].body == "");
  BOOST_TEST(frames[1].type() == "b");
  BOOST_TEST(frames[1].body == "abc");
  BOOST_TEST(frames[2].type() == "c");
  BOOST_TEST(frames[3].type() == "d");
}

BOOST_AUTO_TEST_CASE(both_formats_of_an_event_say_the_same) {
  const auto plain = events_of("freeswitch-plain.raw");
  const auto json = events_of("freeswitch-json.raw");
  BOOST_REQUIRE(plain.size() == 16U);
  BOOST_REQUIRE(json.size() == plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    BOOST_TEST_CONTEXT(plain[i].name() << " " << plain[i].text("Event-Sequence")) {
      BOOST_TEST(plain[i].fields.size() == json[i].fields.size());
      BOOST_TEST((plain[i] == json[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(values_are_decoded_and_arrays_are_fields_of_one_name) {
  const auto events = events_of("freeswitch-plain.raw");
  BOOST_TEST(events[0].name() == "CUSTOM");
  BOOST_TEST(events[0].subclass() == "sofia::register_attempt");
  BOOST_TEST(events[0].text("contact") == "\"\" <sip:1002@127.0.0.13:5061>");
  std::size_t arrays = 0;
  for (const EslEvent& each : events) {
    const auto matches = each.fields.all("variable_DP_MATCH");
    arrays += matches.empty() ? 0U : 1U;
    BOOST_TEST((matches.empty() || matches == std::vector<std::string_view>{"1001", "1001"}));
  }
  BOOST_TEST(arrays > 0U);
}

BOOST_AUTO_TEST_CASE(an_event_is_read_as_far_as_it_can_be) {
  const EslEvent event = must(read_event(event_frame(
      "Event-Name: X\nA: 100%25 a%2fb %zz %4\nArray: ARRAY::\nArrays: ARRAY%3A%3Aa|:|:c\nNone: \nB:x\n"
      "Content-Length: 4\n\nab\nc")));
  BOOST_TEST(event.text("A") == "100% a/b %zz %4");
  BOOST_TEST(event.text("B") == "x");
  BOOST_TEST(event.fields.all("Array").size() == 1U);
  BOOST_REQUIRE(event.fields.all("Arrays").size() == 3U);
  BOOST_TEST(event.fields.all("Arrays")[1] == "");
  BOOST_TEST(event.body == "ab\nc");
  const EslEvent json =
      must(read_event(event_frame(R"({"Event-Name":"X","A":["1","2"],"_body":"ab\nc"})", "json")));
  BOOST_TEST(json.fields.all("A").size() == 2U);
  BOOST_TEST(json.body == "ab\nc");
  BOOST_TEST(must(read_event(event_frame(""))).name() == "");
}

BOOST_AUTO_TEST_CASE(an_event_that_is_none_is_corrupt) {
  for (const char* const wrong :
       {"no colon\n", ": no name\n", "A: b\n\nbody", "A: b\nContent-Length: 5\n\nbody",
        "Content-Length: -4\n\nbody", "A: b\nno colon"}) {
    BOOST_TEST((code_of(read_event(event_frame(wrong))) == Code::Corrupt));
  }
  for (const char* const wrong : {"", "{", "[]", "7", R"({"a":1})", R"({"a":null})", R"({"a":{"b":"c"}})",
                                  R"({"a":[1]})", "{\"a\":\"\xff\"}"}) {
    BOOST_TEST((code_of(read_event(event_frame(wrong, "json"))) == Code::Corrupt));
  }
  BOOST_TEST((code_of(read_event(event_frame(R"({"a":[["b"]]})", "json"))) == Code::Exhausted));
  BOOST_TEST((code_of(read_event(event_frame("<event/>", "xml"))) == Code::Unsupported));
}

BOOST_AUTO_TEST_CASE(the_fields_of_an_event_are_bounded) {
  std::string lines;
  std::string members;
  std::string elements;
  for (std::size_t i = 0; i <= kEslEventFieldsMax; ++i) {
    lines += "A: b\n";
    members += (i == 0 ? "" : ",") + std::string("\"a\":\"b\"");
    elements += "|:";
  }
  BOOST_TEST((code_of(read_event(event_frame(lines))) == Code::Exhausted));
  BOOST_TEST(must(read_event(event_frame(lines.substr(5)))).fields.size() == kEslEventFieldsMax);
  BOOST_TEST((code_of(read_event(event_frame("{" + members + "}", "json"))) == Code::Exhausted));
  BOOST_TEST((code_of(read_event(event_frame("A: ARRAY::" + elements))) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(wrong_lengths_are_corrupt) {
  for (const char* const wrong : {"-1", "+1", "1x", "0x10", "", " 1 ", "1.5", "99999999999999999999999999"}) {
    const Error error = error_of<EslDecoder>("Content-Length: " + std::string(wrong) + "\n\n");
    BOOST_TEST((error.code() == Code::Corrupt));
    BOOST_TEST(error.what().find("a frame with the length") == 0U);
  }
  BOOST_TEST(error_of<EslDecoder>("Content-Length: 1\nContent-Length: 1\n\nx").what() ==
             "a frame with the length \"1\" beside another one");
  BOOST_TEST((error_of<EslDecoder>("Content-Length: 8388609\n\n").code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(the_largest_body_is_read) {
  const std::string body(8 << 20, 'x');
  const auto frames = decode<EslDecoder>({"Content-Length: 8388608\n\n", body, "A: b\n\n"});
  BOOST_REQUIRE(frames.size() == 2U);
  BOOST_TEST(frames[0].body.size() == body.size());
}

BOOST_AUTO_TEST_CASE(what_is_no_frame_is_corrupt) {
  for (const std::string& wrong :
       {std::string("SSH-2.0-OpenSSH_9.2\n\n"), std::string(": x\n\n"), std::string("A\n\n"),
        std::string("A: b\nC\n\n"), std::string("A: \0\n\n", 7)}) {
    BOOST_TEST((error_of<EslDecoder>(wrong).code() == Code::Corrupt));
  }
}

BOOST_AUTO_TEST_CASE(a_head_that_never_ends_is_bounded) {
  for (const std::size_t piece : {std::size_t{1'000}, std::size_t{65'536}, std::size_t{10'000'000}}) {
    BOOST_TEST((error_of<EslDecoder>(std::string(10'000'000, 'x'), piece).code() == Code::Exhausted));
  }
  std::string headers;
  for (int i = 0; i < 1'000'000; ++i) {
    headers += "A: b\n";
  }
  BOOST_TEST((error_of<EslDecoder>(headers).code() == Code::Exhausted));
  headers.resize(5 * 1'025);
  BOOST_TEST(error_of<EslDecoder>(headers + "\n").what() == "a frame of more than 1024 headers");
  headers.resize(5 * 1'024);
  BOOST_TEST(decode<EslDecoder>({headers, "\n"}).size() == 1U);
  // Line ends between frames take no memory, however many come.
  BOOST_TEST(decode<EslDecoder>({std::string(10'000'000, '\n'), "A: b\n\n"}).size() == 1U);
}

BOOST_AUTO_TEST_CASE(commands_are_written_as_they_travel) {
  BOOST_TEST(must(esl_auth("ClueCon")).wire == "auth ClueCon\n\n");
  BOOST_TEST(must(esl_auth("ClueCon")).name == "auth");
  BOOST_TEST(must(esl_api("show calls count")).wire == "api show calls count\n\n");
  BOOST_TEST((must(esl_api("status")).kind == EslAnswerKind::Api));
  BOOST_TEST(must(esl_bgapi("status")).wire == "bgapi status\n\n");
  BOOST_TEST((must(esl_bgapi("status")).kind == EslAnswerKind::Job));
  BOOST_TEST(
      must(esl_subscribe(EslFormat::Plain, {"HEARTBEAT", "BACKGROUND_JOB"}, {"sofia::register", "x::y"}))
          .wire == "event plain HEARTBEAT BACKGROUND_JOB CUSTOM sofia::register x::y\n\n");
  BOOST_TEST(must(esl_subscribe(EslFormat::Json, {"ALL"}, {})).wire == "event json ALL\n\n");
  BOOST_TEST(must(esl_send_event("alive", {{"Nonce", "7"}, {"Text", "a: b%20"}})).wire ==
             "sendevent CUSTOM\nEvent-Subclass: hareplicate::alive\nNonce: 7\nText: a: b%20\n\n");
}

BOOST_AUTO_TEST_CASE(nothing_in_a_command_can_begin_another_one) {
  const std::string nul("a\0b", 3);
  const std::string long_text(kEslCommandBytesMax + 1, 'x');
  for (const std::string& wrong : {std::string(), std::string(" "), std::string("a\n\napi shutdown"),
                                   std::string("a\rb"), nul, long_text}) {
    BOOST_TEST((code_of(esl_auth(wrong)) == Code::Invalid));
    BOOST_TEST((code_of(esl_api(wrong)) == Code::Invalid));
    BOOST_TEST((code_of(esl_bgapi(wrong)) == Code::Invalid));
    BOOST_TEST((code_of(esl_subscribe(EslFormat::Plain, {wrong}, {})) == Code::Invalid));
    BOOST_TEST((code_of(esl_subscribe(EslFormat::Plain, {}, {wrong})) == Code::Invalid));
    BOOST_TEST((code_of(esl_send_event("a", {{"A", wrong}})) == Code::Invalid));
    BOOST_TEST((code_of(esl_send_event("a", {{wrong, "b"}})) == Code::Invalid));
    BOOST_TEST((code_of(esl_send_event(wrong, {})) == Code::Invalid));
  }
  BOOST_TEST((code_of(esl_subscribe(EslFormat::Plain, {"CUSTOM"}, {})) == Code::Invalid));
  BOOST_TEST((code_of(esl_subscribe(EslFormat::Plain, {"A B"}, {})) == Code::Invalid));
  BOOST_TEST((code_of(esl_send_event("a", {{"Content-Length", "5"}})) == Code::Invalid));
  BOOST_TEST((code_of(esl_send_event("a", {{"event-subclass", "b"}})) == Code::Invalid));
  BOOST_TEST((code_of(esl_send_event("a", {{"A:B", "b"}})) == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
