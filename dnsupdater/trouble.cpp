#include "dnsupdater/trouble.h"

#include <utility>

namespace ha::dns {

Trouble ours(Error error) {
  return {Cause::Ours, std::move(error)};
}

Trouble gone_back(Error error) {
  return {Cause::Regression, std::move(error)};
}

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
