#include <boost/test/unit_test.hpp>

#include "failover/verbs.h"
#include "tests/support/man_page.h"

BOOST_AUTO_TEST_SUITE(failover_manual)

BOOST_AUTO_TEST_CASE(the_page_has_the_verbs_and_flags_that_there_are) {
  ha::man::check_verbs(ha::failover::program(), ha::man::page("failover.8"));
  ha::man::check_globals(ha::failover::program(), ha::man::page("failover.8"));
}

BOOST_AUTO_TEST_SUITE_END()
