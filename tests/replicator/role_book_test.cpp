#include "replicator/role_book.h"

#include <boost/test/unit_test.hpp>

#include "schemas/roles.pb.h"

namespace ha::replicator {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const SteadyTime kStart{std::chrono::hours(1)};

RoleOrder order(const std::string& holder, std::uint64_t epoch, bool send = true) {
  return {"pbx", holder, epoch, seconds(2), send};
}

std::string text_of(const Status& status) {
  return status.ok() ? "" : status.error().what();
}

BOOST_AUTO_TEST_SUITE(replicator_role_book)

BOOST_AUTO_TEST_CASE(without_an_order_nobody_is_known_and_nothing_is_sent) {
  const RoleBook book("fra1");
  BOOST_TEST((book.role("pbx") == Role{}));
  BOOST_TEST(!book.right("pbx").may_send(kStart));
  BOOST_TEST(book.right("pbx").silence("pbx", kStart) ==
             "the coordinator has not said since this program started that this site holds pbx");
}

BOOST_AUTO_TEST_CASE(the_right_to_send_lasts_as_long_as_the_order_said_and_no_longer) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take(order("fra1", 3), kStart)) == "");
  const SendRight right = book.right("pbx");
  BOOST_TEST(right.may_send(kStart + seconds(2) - milliseconds(1)));
  BOOST_TEST(!right.may_send(kStart + seconds(2)));
  BOOST_TEST(right.silence("pbx", kStart + seconds(1)) == "");
  BOOST_TEST(right.silence("pbx", kStart + seconds(12)) ==
             "the coordinator has not said for 12 s that this site holds pbx");
  BOOST_TEST(text_of(book.take(order("fra1", 3), kStart + seconds(20))) == "");
  BOOST_TEST(book.right("pbx").may_send(kStart + seconds(21)));
}

BOOST_AUTO_TEST_CASE(a_validity_out_of_range_is_cut) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take({"pbx", "fra1", 1, Duration::max(), true}, kStart)) == "");
  BOOST_TEST((book.right("pbx").until == kStart + kRoleValidMax));
  BOOST_TEST(text_of(book.take({"pbx", "fra1", 1, -seconds(5), true}, kStart)) == "");
  BOOST_TEST(!book.right("pbx").may_send(kStart));
}

BOOST_AUTO_TEST_CASE(a_holder_whose_health_is_critical_keeps_its_role_and_sends_nothing) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take(order("fra1", 3, false), kStart)) == "");
  BOOST_TEST(book.role("pbx").holder == "fra1");
  BOOST_TEST(!book.right("pbx").may_send(kStart));
  BOOST_TEST(book.right("pbx").silence("pbx", kStart) ==
             "this site's health is critical, so nothing of pbx is sent");
}

BOOST_AUTO_TEST_CASE(the_right_of_another_site_is_not_ours) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take(order("fra1", 3), kStart)) == "");
  BOOST_TEST(text_of(book.take(order("nyc1", 4), kStart)) == "");
  BOOST_TEST(!book.right("pbx").may_send(kStart));
  BOOST_TEST((book.role("pbx") == Role{"nyc1", 4, 4, false}));
}

BOOST_AUTO_TEST_CASE(a_lower_epoch_is_refused_and_changes_nothing) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take(order("nyc1", 4), kStart)) == "");
  const Status refused = book.take(order("fra1", 3), kStart);
  BOOST_TEST(text_of(refused) == "epoch 3 of pbx is over: this site has been told of epoch 4");
  BOOST_TEST(refused.error().hint() == "failover why pbx");
  BOOST_TEST((book.role("pbx") == Role{"nyc1", 4, 4, false}));
  BOOST_TEST(!book.right("pbx").may_send(kStart));
}

BOOST_AUTO_TEST_CASE(what_stands_here_already_is_of_an_epoch_that_is_over) {
  RoleBook book("fra1");
  book.raise("pbx", 7);
  book.raise("pbx", 5);
  BOOST_TEST((book.role("pbx") == Role{"", 0, 7, false}));
  BOOST_TEST(text_of(book.take(order("fra1", 6), kStart)) ==
             "epoch 6 of pbx is over: this site has been told of epoch 7");
  BOOST_TEST((RoleBook::decode("fra1", book.encode()).value().role("pbx") == book.role("pbx")));
  BOOST_TEST(text_of(book.take(order("fra1", 8), kStart)) == "");
}

BOOST_AUTO_TEST_CASE(one_epoch_has_one_holder) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take(order("nyc1", 4), kStart)) == "");
  BOOST_TEST(text_of(book.take(order("fra1", 4), kStart)) ==
             "epoch 4 of pbx is nyc1's, it cannot be fra1's too");
  BOOST_TEST(book.role("pbx").holder == "nyc1");
}

// What it held stays where it is, until somebody else holds it.
BOOST_AUTO_TEST_CASE(nobody_ends_the_right_and_leaves_the_last_holder) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take(order("fra1", 4), kStart)) == "");
  BOOST_TEST(text_of(book.take(order("", 5), kStart)) == "");
  BOOST_TEST((book.role("pbx") == Role{"fra1", 4, 5, true}));
  BOOST_TEST(!book.right("pbx").may_send(kStart));
  BOOST_TEST(book.right("pbx").silence("pbx", kStart) == "nobody holds pbx now");
  BOOST_TEST(text_of(book.take(order("fra1", 4), kStart)) ==
             "epoch 4 of pbx is over: this site has been told of epoch 5");
  BOOST_TEST(text_of(book.take(order("fra1", 6), kStart)) == "");
  BOOST_TEST(book.right("pbx").may_send(kStart));
}

BOOST_AUTO_TEST_CASE(an_epoch_that_is_not_known_says_nothing_and_prolongs_nothing) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take(order("fra1", 4), kStart)) == "");
  BOOST_TEST(text_of(book.take(order("", 0), kStart + seconds(1))) == "");
  BOOST_TEST(text_of(book.take(order("fra1", 0), kStart + seconds(1))) == "");
  BOOST_TEST((book.role("pbx") == Role{"fra1", 4, 4, false}));
  BOOST_TEST(book.right("pbx").may_send(kStart + seconds(1)));
  BOOST_TEST(!book.right("pbx").may_send(kStart + seconds(2)));
}

BOOST_AUTO_TEST_CASE(what_is_kept_is_the_role_and_never_the_right) {
  RoleBook book("fra1");
  BOOST_TEST(text_of(book.take(order("fra1", 4), kStart)) == "");
  BOOST_TEST(text_of(book.take({"fax", "", 7, {}, false}, kStart)) == "");
  const auto again = RoleBook::decode("fra1", book.encode());
  BOOST_REQUIRE(again.ok());
  BOOST_TEST((again->role("pbx") == Role{"fra1", 4, 4, false}));
  BOOST_TEST((again->role("fax") == Role{"", 0, 7, true}));
  BOOST_TEST(!again->right("pbx").may_send(kStart));
  RoleBook after = *again;
  BOOST_TEST(text_of(after.take(order("nyc1", 3), kStart)) ==
             "epoch 3 of pbx is over: this site has been told of epoch 4");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_book_are_corrupt) {
  const auto code_of = [](const Bytes& bytes) {
    const auto book = RoleBook::decode("fra1", bytes);
    return book.ok() ? std::string("good") : std::string(code_name(book.error().code()));
  };
  BOOST_TEST(code_of("") == "corrupt");  // no version
  BOOST_TEST(code_of("\x01garbage") == "corrupt");
  BOOST_TEST(code_of(Bytes(kRoleBookBytesMax + 1, '\n')) == "corrupt");
  schemas::roles::Roles stored;
  stored.set_version(1);
  auto* role = stored.add_roles();
  role->set_service("pbx");
  role->set_holder("fra1");
  role->set_epoch(4);
  role->set_highest(3);
  BOOST_TEST(code_of(stored.SerializeAsString()) == "corrupt");  // below its own
  role->set_highest(4);
  BOOST_TEST(code_of(stored.SerializeAsString()) == "good");
  *stored.add_roles() = *role;
  BOOST_TEST(code_of(stored.SerializeAsString()) == "corrupt");  // twice
}

BOOST_AUTO_TEST_CASE(services_are_bounded) {
  RoleBook book("fra1");
  for (std::size_t i = 0; i < kRolesMax; ++i) {
    BOOST_REQUIRE(book.take({"s" + std::to_string(i), "fra1", 1, seconds(1), true}, kStart).ok());
  }
  const Status more = book.take(order("fra1", 1), kStart);
  BOOST_REQUIRE(!more.ok());
  BOOST_CHECK(more.error().code() == Code::Exhausted);
  BOOST_TEST(RoleBook::decode("fra1", book.encode()).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::replicator
