#include "dnsupdater/trouble.h"

namespace ha::dns {

std::string_view cause_text(Cause cause) noexcept {
  switch (cause) {
    case Cause::Network:
      return "network";
    case Cause::Key:
      return "key";
    case Cause::Clock:
      return "clock";
    case Cause::Policy:
      return "policy";
    case Cause::Zone:
      return "zone";
    case Cause::Unsupported:
      return "unsupported";
    case Cause::Server:
      return "server";
    case Cause::Regression:
      return "regression";
    case Cause::Ours:
      return "ours";
  }
  return "?";
}

}  // namespace ha::dns
