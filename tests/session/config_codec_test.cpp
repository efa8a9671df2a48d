#include "replicator/session/config_codec.h"

#include <boost/test/unit_test.hpp>

#include "replicator/session/messages.h"

BOOST_AUTO_TEST_SUITE(session_config_codec)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(a_question_survives_the_way) {
  const ConfigQuestion asked{ConfigVerb::Prepare, "7f3a", "joe",     "version = 1\n\xff",
                             Duration(5),         true,   {"a", "b"}};
  const auto read = decode_config_question(encode_config(asked));
  BOOST_REQUIRE(read.ok());
  BOOST_TEST((read->verb == ConfigVerb::Prepare));
  BOOST_TEST(read->id == "7f3a");
  BOOST_TEST(read->user == "joe");
  BOOST_TEST(read->text == asked.text);
  BOOST_TEST(read->limit.count() == 5);
  BOOST_TEST(read->dry_run);
  BOOST_TEST(read->sites == asked.sites, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_answer_survives_the_way) {
  ConfigAnswer answer;
  answer.error = Error(Code::Denied, "no", "do it");
  answer.site = "nyc1";
  answer.digest = "00ff";
  answer.text = "text";
  answer.notes = {"a warning"};
  answer.trial = ConfigTrialFacts{"7f3a", "fra1", "joe", Duration(7), true, {"fra1", "nyc1"}};
  answer.links = {{"fra1", true, false, "why"}};
  answer.last = "undone";
  answer.settled = true;
  const auto read = decode_config_answer(encode_config(answer));
  BOOST_REQUIRE(read.ok());
  BOOST_TEST((read->error->code() == Code::Denied));
  BOOST_TEST(read->error->hint() == "do it");
  BOOST_TEST(read->notes.front() == "a warning");
  BOOST_TEST(read->trial->applied);
  BOOST_TEST(read->trial->left.count() == 7);
  BOOST_TEST(read->trial->sites.size() == 2U);
  BOOST_TEST(read->links.front().up);
  BOOST_TEST(!read->links.front().equal);
  BOOST_TEST(read->last == "undone");
  BOOST_TEST(read->settled);
  BOOST_TEST(!decode_config_answer(encode_config(ConfigAnswer{}))->error.has_value());
}

BOOST_AUTO_TEST_CASE(what_is_over_a_limit_is_corrupt) {
  const auto code = [](const auto& read) { return read.ok() ? Code::Held : read.error().code(); };
  ConfigQuestion question;
  question.text.assign(kConfigTextBytesMax + 1, 'x');
  BOOST_TEST((code(decode_config_question(encode_config(question))) == Code::Corrupt));
  question = {};
  question.id.assign(kConfigWordBytesMax + 1, 'x');
  BOOST_TEST((code(decode_config_question(encode_config(question))) == Code::Corrupt));
  for (const char* id : {"\033[2J", "7F", "a b", "\xc3\xa4"}) {
    question = {};
    question.id = id;
    BOOST_TEST((code(decode_config_question(encode_config(question))) == Code::Corrupt));
    ConfigAnswer on_trial;
    on_trial.trial = ConfigTrialFacts{id, "fra1", "joe", Duration(7), true, {}};
    BOOST_TEST((code(decode_config_answer(encode_config(on_trial))) == Code::Corrupt));
  }
  question = {};
  question.sites.assign(kConfigSitesMax + 1, "x");
  BOOST_TEST((code(decode_config_question(encode_config(question))) == Code::Corrupt));
  question = {};
  question.limit = Duration(-1);
  BOOST_TEST((code(decode_config_question(encode_config(question))) == Code::Corrupt));
  BOOST_TEST((code(decode_config_question("")) == Code::Corrupt));  // no verb
  BOOST_TEST((code(decode_config_question("\xff")) == Code::Corrupt));
  ConfigAnswer answer;
  answer.notes.assign(kConfigNotesMax + 1, "x");
  BOOST_TEST((code(decode_config_answer(encode_config(answer))) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(a_long_sentence_is_cut_between_characters) {
  ConfigAnswer answer;
  answer.error = Error(Code::Io, std::string(kTextBytesMax - 1, 'x') + "\xe2\x82\xac");
  const auto read = decode_config_answer(encode_config(answer));
  BOOST_REQUIRE(read.ok());
  BOOST_TEST(read->error->what() == std::string(kTextBytesMax - 1, 'x'));
}

BOOST_AUTO_TEST_SUITE_END()
