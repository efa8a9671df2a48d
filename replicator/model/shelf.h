// The one name that those who say where a shelved tree is and those who move it have to agree on.
#pragma once

namespace ha::replicator {

inline constexpr char kShelvedTreeName[] = "tree";  // in SHELF/SERVICE/SET

}  // namespace ha::replicator
