#include "tools/init/freepbx_conf.h"

#include <boost/test/unit_test.hpp>

namespace {
using namespace ha::init;
}  // namespace

BOOST_AUTO_TEST_SUITE(init_freepbx_conf)

BOOST_AUTO_TEST_CASE(names_are_taken_and_passwords_are_not) {
  const auto found = parse_freepbx_conf(
      "<?php\r\n$amp_conf['AMPDBUSER'] = 'freepbxuser';\r\n$amp_conf[\"AMPDBPASS\"]=\"s3cret\";\r\n"
      "$amp_conf['AMPDBHOST'] = 'localhost'; // AMPDBNAME\r\n# $amp_conf['AMPDBNAME'] = 'x';\r\n"
      "$amp_conf['AMPMGRPASS'] = 'amp111';\r\nrequire_once('/var/www/html/admin/bootstrap.php');\r\n");
  BOOST_TEST(found.size() == 2U);
  BOOST_TEST(found.at("AMPDBUSER") == "freepbxuser");
  BOOST_TEST(found.at("AMPDBHOST") == "localhost");
}

BOOST_AUTO_TEST_CASE(the_older_file_is_read_too) {
  const auto found =
      parse_freepbx_conf("AMPWEBROOT=/srv/www\nAMPDBPASS=x\n ASTETCDIR = /opt/etc \n;CDRDBNAME=y\n");
  BOOST_TEST(found.size() == 2U);
  BOOST_TEST(found.at("AMPWEBROOT") == "/srv/www");
  BOOST_TEST(found.at("ASTETCDIR") == "/opt/etc");
}

BOOST_AUTO_TEST_CASE(broken_lines_are_nothing) {
  BOOST_TEST(parse_freepbx_conf("$amp_conf[\n$amp_conf['AMPDBUSER\n$amp_conf['AMPDBUSER'] 'x'\n=\n").empty());
}

BOOST_AUTO_TEST_SUITE_END()
