// FileTarget: what is copied before the first part arrives.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <random>

#include "replicator/apply/file_target.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

void precopy(Target& t, const Bytes& key) {
  for (bool more = t.target.expect(key); more;) {
    more = t.target.precopy_more();
  }
}

// Data and zeros of all lengths, so that chunks, holes and blocks end anywhere.
Bytes patchwork(std::mt19937& random, std::size_t bytes) {
  Bytes out;
  while (out.size() < bytes) {
    const std::size_t length = random() % 600'000 + 1;
    out += random() % 3 == 0 ? Bytes(length, '\0') : random_content(random(), length);
  }
  out.resize(bytes);
  return out;
}

Bytes changed(std::mt19937& random, Bytes content) {
  for (int i = 0; i < 6; ++i) {
    const std::size_t at = random() % content.size();
    const std::size_t length = std::min<std::size_t>(random() % 300'000, content.size() - at);
    switch (random() % 5) {
      case 0:
        content.replace(at, length, Bytes(length, '\0'));
        break;
      case 1:
        content.replace(at, length, random_content(random(), length));
        break;
      case 2:
        content.erase(at, length);
        break;
      case 3:
        content.insert(at, random_content(random(), length));
        break;
      default:
        content.resize(content.size() - length / 2);
        break;
    }
  }
  return content;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_precopy)

BOOST_AUTO_TEST_CASE(any_change_is_right_upon_a_precopy_of_any_length) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      std::mt19937 random(seed);
      Target t;
      const Bytes old_content = patchwork(random, 5 * kMiB + random() % kMiB);
      BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
      precopy(t, "f");
      BOOST_TEST(t.staged_count() == 1U);
      const Bytes new_content = changed(random, old_content);
      const ItemPart item = delta_item("f", old_content, new_content, meta_of(FileType::Regular));
      BOOST_TEST(t.batch(split(item)).troubles.empty());
      check_converged(t, "f", new_content);
      BOOST_TEST(t.staged_count() == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(holes_stay_holes_upon_a_precopy) {
  Target t;
  const Bytes old_content = random_content(1, 20 * kMiB);
  BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
  precopy(t, "f");
  Bytes new_content = old_content;
  new_content.replace(kMiB, 18 * kMiB, Bytes(18 * kMiB, '\0'));
  BOOST_TEST(
      t.batch({delta_item("f", old_content, new_content, meta_of(FileType::Regular))}).troubles.empty());
  check_converged(t, "f", new_content);
  BOOST_TEST(static_cast<std::size_t>(stat_of(t.at("f")).st_blocks) * 512 < 3 * kMiB);
}

BOOST_AUTO_TEST_CASE(a_precopy_of_what_is_no_longer_there_is_not_used) {
  Target t;
  const Bytes old_content = random_content(1, 6 * kMiB);
  BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
  precopy(t, "f");
  Bytes between = old_content;
  between.replace(0, kMiB, random_content(2, kMiB));
  write_all(t.at("f"), between);  // by somebody here
  const Bytes new_content = old_content + "more";
  const auto outcome = t.batch({delta_item("f", old_content, new_content, meta_of(FileType::Regular))});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].redo);
  precopy(t, "f");
  write_all(t.at("f"), old_content);
  BOOST_TEST(
      t.batch({delta_item("f", old_content, new_content, meta_of(FileType::Regular))}).troubles.empty());
  check_converged(t, "f", new_content);
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_of_a_precopy_that_was_not_needed) {
  const Bytes content = random_content(1, 5 * kMiB);
  const std::vector<ItemPart> ends = {deleted_item("f"), plain_item("f", meta_of(FileType::Directory, 0755)),
                                      literal_item("f", "short"),
                                      same_content_item("f", content, meta_of(FileType::Regular, 0600))};
  for (const ItemPart& end : ends) {
    Target t;
    BOOST_TEST(t.batch({literal_item("f", content), literal_item("g", content)}).troubles.empty());
    precopy(t, "f");
    BOOST_TEST(t.batch({end}).troubles.empty());
    BOOST_TEST(t.staged_count() == 0U);
    precopy(t, "g");
    BOOST_TEST(t.staged_count() == 1U);
    t.reopen();
    BOOST_TEST(t.staged_count() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(only_one_large_regular_file_at_a_time_is_copied_before) {
  Target t;
  const Bytes content = random_content(1, 5 * kMiB);
  BOOST_TEST(t.batch({literal_item("a", content), literal_item("b", content), literal_item("small", "s"),
                      plain_item("d", meta_of(FileType::Directory, 0755))})
                 .troubles.empty());
  for (const char* key : {"small", "d", "not there", "../up", ".hareplicate/marker", ""}) {
    BOOST_TEST(!t.target.expect(key));
    BOOST_TEST(t.staged_count() == 0U);
  }
  BOOST_TEST(!t.target.precopy_more());
  precopy(t, "a");
  BOOST_TEST(!t.target.expect("b"));  // a's is not thrown away
  BOOST_TEST(t.staged_count() == 1U);
  BOOST_TEST(t.batch({deleted_item("a")}).troubles.empty());
  BOOST_TEST(t.staged_count() == 0U);
  precopy(t, "b");
  BOOST_TEST(t.staged_count() == 1U);
}

BOOST_AUTO_TEST_CASE(a_lost_connection_keeps_what_was_verified_upon_a_precopy) {
  FileTargetOptions options = Target::fast();
  options.partial_bytes_min = kMiB;
  Target t(options);
  const Bytes old_content = random_content(1, 8 * kMiB);
  BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
  precopy(t, "f");
  Bytes new_content = old_content;
  new_content.replace(3 * kMiB, kMiB, Bytes(kMiB, '\0'));
  new_content.replace(6 * kMiB, kMiB, random_content(2, kMiB));
  const auto parts = split(delta_item("f", old_content, new_content, meta_of(FileType::Regular)));
  BOOST_REQUIRE(parts.size() > 2U);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    BOOST_REQUIRE(t.target.apply_frame(50, 0, frame_of({parts[i]})).ok());
  }
  BOOST_REQUIRE(t.target.abort_transfers().ok());
  BOOST_TEST(t.target.partials().size() == 1U);
  BOOST_TEST(!t.target.expect("f"));  // what is kept is worth more
  t.reopen();
  BOOST_TEST(t.batch(parts).troubles.empty());
  check_converged(t, "f", new_content);
}

BOOST_AUTO_TEST_SUITE_END()
