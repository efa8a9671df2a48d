// Which settings of a PBX differ by site: addresses of this host in its configuration.
//
// A setting counts when its key is one of those that always say where this host is (externip,
// external_media_address, ext-rtp-ip, bindaddr, ...), or when an address of this very host stands in the
// value of any other. Wildcards and loopback are the same at every site and do not count. From the value only
// the address or host name is taken, so that no password can come along. Pure. Source: sip.conf, pjsip.conf,
// rtp.conf, iax.conf of Asterisk 16 and 22; vars.xml and sofia profiles of FreeSWITCH 1.10.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/init/facts.h"

namespace ha::init {

// IPv4 and IPv6 addresses in the text, without wildcards and loopback, without port and prefix length.
[[nodiscard]] std::vector<std::string> addresses_in(std::string_view text);

// Whether it is an address that only a private network has (RFC 1918, RFC 6598, link local, RFC 4193).
[[nodiscard]] bool is_private_address(std::string_view address);

// `own`: the addresses of this host, as inet_ntop writes them.
[[nodiscard]] std::optional<SiteLine> site_line(std::string_view key, std::string_view value,
                                                const std::vector<std::string>& own);

// What other sites would reach this host by, as far as one can tell from here: the host, and a sentence on
// where it comes from.
struct ChosenHost {
  std::string host;  // IPv6 in brackets
  std::string from;
};
[[nodiscard]] ChosenHost choose_host(const std::vector<std::string>& own,
                                     const std::vector<SiteLine>& site_lines, const std::string& host_name);

}  // namespace ha::init
