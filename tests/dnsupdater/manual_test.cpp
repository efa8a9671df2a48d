#include <boost/test/unit_test.hpp>

#include "dnsupdater/desk.h"
#include "tests/support/man_page.h"

BOOST_AUTO_TEST_SUITE(dnsupdater_manual)

BOOST_AUTO_TEST_CASE(the_page_has_the_verbs_and_flags_that_there_are) {
  ha::man::check_verbs(ha::dns::program(), ha::man::page("dnsupdater.8"));
  ha::man::check_globals(ha::dns::program(), ha::man::page("dnsupdater.8"));
}

BOOST_AUTO_TEST_SUITE_END()
