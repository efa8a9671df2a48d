// The usual helper for std::visit with lambdas. Thread safety: nothing to share.
#pragma once

namespace ha::replicator {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace ha::replicator
