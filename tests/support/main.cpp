// The Boost.Test runner that every unit-test executable shares.
#define BOOST_TEST_MODULE hareplicate
#include <boost/test/unit_test.hpp>
