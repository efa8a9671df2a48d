#include "replicator/model/overlay.h"

#include <cstdlib>

#include <boost/test/unit_test.hpp>

#include "common/base/random.h"

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_SUITE(model_overlay)

namespace {

const OverlayRule kAddress{R"(^external_(media|signaling)_address\s*=.*$)",
                           R"(external_\1_address=198.51.100.20)"};

Overlay compiled(const std::vector<OverlayRule>& rules) {
  auto out = Overlay::compile(rules);
  BOOST_REQUIRE(out.ok());
  return std::move(out).value();
}

Pristine applied(const std::vector<OverlayRule>& rules, BytesView content) {
  auto out = compiled(rules).apply(content);
  BOOST_REQUIRE_MESSAGE(out.ok(), (out.ok() ? "" : out.error().what()));
  return std::move(out).value();
}

Bytes altered_of(const Pristine& pristine) {
  auto out = altered(pristine);
  BOOST_REQUIRE(out.ok());
  return std::move(out).value();
}

std::string fault(const std::string& match, const std::string& with) {
  const Status status = check_overlay_rule({match, with});
  return status.ok() ? "" : status.error().what();
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const Bytes kTransports =
    "[udp]\ntype=transport\nexternal_media_address = 192.0.2.10\nexternal_signaling_address=192.0.2.10\n"
    "[tcp]\r\nexternal_media_address=192.0.2.10\r\n";

// Lines from a small alphabet, so that texts come more than once; all kinds of line breaks.
Bytes random_text(Random& random) {
  Bytes out;
  for (std::uint64_t lines = random.below(12); lines > 0; --lines) {
    for (std::uint64_t length = random.below(5); length > 0; --length) {
      out += "abc\r="[random.below(5)];
    }
    out += lines == 1 && random.chance(0.5) ? "" : random.chance(0.2) ? "\r\n" : "\n";
  }
  return out;
}

std::uint64_t seed() {
  const char* given = std::getenv("HA_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : random_seed();
  BOOST_TEST_MESSAGE("HA_TEST_SEED=" << seed);
  return seed;
}

}  // namespace

BOOST_AUTO_TEST_CASE(lines_that_match_are_altered_and_their_line_breaks_stay) {
  const Pristine out = applied({kAddress}, kTransports);
  BOOST_TEST(altered_of(out) ==
             "[udp]\ntype=transport\nexternal_media_address=198.51.100.20\n"
             "external_signaling_address=198.51.100.20\n[tcp]\r\nexternal_media_address=198.51.100.20\r\n");
  BOOST_TEST(out.content == kTransports);
  BOOST_TEST(out.hunks.size() == 3U);
  BOOST_TEST(out.hunks[2].line == 6U);
  BOOST_TEST(out.hunks[2].was == "external_media_address=192.0.2.10");
}

BOOST_AUTO_TEST_CASE(rules_follow_each_other_and_every_place_in_a_line_is_replaced) {
  BOOST_TEST(altered_of(applied({{"a", "b"}, {"bb", "c"}}, "aaaa\nx")) == "cc\nx");
  BOOST_TEST(altered_of(applied({{"^", "> "}}, "one\ntwo\n")) == "> one\n> two\n");
}

BOOST_AUTO_TEST_CASE(what_does_not_match_has_no_hunks) {
  BOOST_TEST(applied({kAddress}, "nothing\n").hunks.empty());
  BOOST_TEST(applied({kAddress}, "").hunks.empty());
  BOOST_TEST(applied({{"a", "a"}}, "a\n").hunks.empty());
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_are_matched_and_kept) {
  BOOST_TEST(altered_of(applied({{"^x=.*$", "x=1"}}, "x=\xff\xfe\n\xe4\n")) == "x=1\n\xe4\n");
}

BOOST_AUTO_TEST_CASE(a_pattern_that_would_backtrack_for_ever_takes_no_time) {
  BOOST_TEST(applied({{"^(a+)+$", "b"}}, Bytes(50'000, 'a') + "!\n").hunks.empty());
}

BOOST_AUTO_TEST_CASE(long_lines_stay_and_large_files_are_refused) {
  BOOST_TEST(applied({{"a", "b"}}, Bytes(kOverlayLineBytesMax + 1, 'a')).hunks.empty());
  BOOST_TEST(applied({{"a", "b"}}, Bytes(kOverlayLineBytesMax, 'a')).hunks.size() == 1U);
  const auto large = compiled({{"a", "b"}}).apply(Bytes(kOverlayFileBytesMax + 1, 'x'));
  BOOST_TEST((!large.ok() && large.error().code() == Code::Exhausted));
  const auto grown = compiled({{"a", Bytes(4096, 'b')}}).apply(Bytes(60'000, 'a'));
  BOOST_TEST((!grown.ok() && grown.error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(a_group_cannot_bring_in_a_line_break) {
  const auto out = compiled({{"^(.)b$", "\\1"}}).apply("\rb\n");
  BOOST_TEST((!out.ok() && out.error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(a_last_line_without_a_break_cannot_vanish) {
  BOOST_TEST(altered_of(applied({{"^a$", ""}}, "x\na\n")) == "x\n\n");
  const auto out = compiled({{"^a$", ""}}).apply("x\na");
  BOOST_TEST((!out.ok() && out.error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(wrong_rules_are_refused_with_words) {
  BOOST_TEST(fault("a(b", "x") == "match is not a pattern: missing ): a(b");
  BOOST_TEST(has(fault("ab", "\\1"), "with does not fit match"));
  BOOST_TEST(has(fault("ab", "a\\q"), "with does not fit match"));
  BOOST_TEST(has(fault("ab", "a\nb"), "line break"));
  BOOST_TEST(has(fault("", "a"), "from 1 to 4096"));
  BOOST_TEST(fault("(a)", "\\1\\0") == "");
  BOOST_TEST(!Overlay::compile({{"a", "b"}, {"[", "b"}}).ok());
}

BOOST_AUTO_TEST_CASE(hunks_are_undone_where_lines_have_moved) {
  const Pristine before = applied({kAddress}, kTransports);
  Bytes live = altered_of(before);
  live.insert(0, "; a new first line\n");
  live += "[tls]\ntype=transport\n";
  const auto out = undo(live, before);
  BOOST_REQUIRE(out.ok());
  BOOST_TEST(out->content == "; a new first line\n" + kTransports + "[tls]\ntype=transport\n");
  BOOST_TEST(altered_of(*out) == live);
  BOOST_TEST(out->hunks[0].line == 4U);
}

BOOST_AUTO_TEST_CASE(hunks_that_are_not_intact_are_a_conflict_with_their_lines) {
  const Pristine before = applied({kAddress}, kTransports);
  const Bytes live = altered_of(before);
  const auto conflict = [&](const Bytes& edited) {
    const auto out = undo(edited, before);
    return !out.ok() && out.error().code() == Code::Conflict ? out.error().what() : std::string();
  };
  Bytes edited = live;
  edited.replace(edited.find("signaling_address=198"), 22, "signaling_address=203");
  BOOST_TEST(has(conflict(edited), "line 4 (\"external_signaling_address=198.51.100.20\")"));
  BOOST_TEST(!conflict("").empty());
  BOOST_TEST(!conflict(live + "external_media_address=198.51.100.20\n").empty());  // would leak
}

BOOST_AUTO_TEST_CASE(lines_that_somebody_wrote_as_they_were_count_as_he_wrote_them) {
  const Pristine before = applied({kAddress}, kTransports);
  const auto all = undo("; made anew\n" + kTransports, before);
  BOOST_REQUIRE(all.ok());
  BOOST_TEST(all->content == "; made anew\n" + kTransports);
  BOOST_TEST(all->hunks.empty());
  Bytes one = altered_of(before);
  one.replace(one.find("external_signaling_address=198.51.100.20"), 40,
              "external_signaling_address=192.0.2.10");
  BOOST_TEST(undo(one, before)->content == kTransports);
  BOOST_TEST(undo(one, before)->hunks.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_line_that_was_like_that_before_stays) {
  const Bytes content = "x=2\nx=1\nx=2\n";
  const Pristine before = applied({{"^x=1$", "x=2"}}, content);
  BOOST_TEST(altered_of(before) == "x=2\nx=2\nx=2\n");
  const auto out = undo("new\nx=2\nx=2\nx=2\n", before);
  BOOST_REQUIRE(out.ok());
  BOOST_TEST(out->content == "new\n" + content);
}

BOOST_AUTO_TEST_CASE(whatever_is_applied_is_undone) {
  Random random(seed());
  for (int i = 0; i < 20'000; ++i) {
    const Bytes content = random_text(random);
    const Overlay overlay = compiled({{random.chance(0.5) ? "^a.*" : "b+", random.chance(0.5) ? "c" : ""},
                                      {random.chance(0.5) ? "c" : "^(.)", "\\0="}});
    const auto pristine = overlay.apply(content);
    if (!pristine.ok()) {
      continue;  // a line break would have come in
    }
    const auto undone = undo(altered_of(*pristine), *pristine);
    BOOST_REQUIRE(undone.ok());
    BOOST_REQUIRE(*undone == *pristine);
    BOOST_REQUIRE(undone->content == content);
    BOOST_REQUIRE(decode_pristine(encode_pristine(*pristine)).value() == *pristine);
  }
}

BOOST_AUTO_TEST_CASE(after_any_edit_what_is_undone_is_again_the_live_file_or_a_conflict) {
  Random random(seed());
  int undone = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto pristine = compiled({{"^(.*)a(.*)$", "X\\1"}}).apply(random_text(random));
    if (!pristine.ok()) {
      continue;
    }
    Bytes live = altered_of(*pristine);
    for (std::uint64_t edits = random.below(4); edits > 0; --edits) {
      const std::size_t at = random.below(live.size() + 1);
      live.replace(at, random.below(4), random_text(random).substr(0, 6));
    }
    const auto out = undo(live, *pristine);
    if (out.ok()) {
      ++undone;
      BOOST_REQUIRE(altered_of(*out) == live);
      BOOST_REQUIRE(out->hunks.size() <= pristine->hunks.size());
      for (const Hunk& hunk : pristine->hunks) {  // nothing that the overlay put in is in what is sent
        const bool natural = pristine->content.find(hunk.is) != Bytes::npos;
        BOOST_REQUIRE((natural || ("\n" + out->content).find("\n" + hunk.is + "\n") == Bytes::npos));
      }
    } else {
      BOOST_REQUIRE((out.error().code() == Code::Conflict));
    }
  }
  BOOST_TEST(undone > 1000);
}

BOOST_AUTO_TEST_CASE(a_pristine_copy_begins_with_its_content_and_is_read_back) {
  const Pristine pristine = applied({kAddress}, kTransports);
  const Bytes file = encode_pristine(pristine);
  BOOST_TEST(file.substr(0, kTransports.size()) == kTransports);
  BOOST_TEST((decode_pristine(file).value() == pristine));
  BOOST_TEST((decode_pristine(encode_pristine({})).value() == Pristine{}));
}

BOOST_AUTO_TEST_CASE(a_damaged_pristine_copy_is_corrupt) {
  const Bytes file = encode_pristine(applied({kAddress}, kTransports));
  for (std::size_t at = 0; at < file.size(); ++at) {
    Bytes damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    BOOST_REQUIRE(!decode_pristine(damaged).ok());
    BOOST_REQUIRE(!decode_pristine(file.substr(0, at)).ok());
  }
  BOOST_TEST(!altered({"one\n", {{2, "x", "y"}}}).ok());
  BOOST_TEST(!altered({"one\n", {{1, "x", "y"}}}).ok());
}

BOOST_AUTO_TEST_SUITE_END()
