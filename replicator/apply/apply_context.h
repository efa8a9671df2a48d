// What all parts of a FileTarget work with. Not for anybody else. Thread safety: that of the FileTarget.
#pragma once

#include <utility>

#include "common/sys/digest.h"
#include "common/sys/file.h"
#include "common/sys/metadata.h"
#include "replicator/apply/file_target.h"
#include "replicator/apply/overlay_store.h"
#include "replicator/apply/staging.h"
#include "replicator/apply/stranded.h"
#include "replicator/index/index.h"

namespace ha::replicator {

struct ApplyContext {
  ApplyContext(sys::Directory root_directory, Index& set_index, const sys::DigestKey& digest_key,
               SyncMode mode, const DeleteRule& delete_rule)
      : root(std::move(root_directory)),
        index(set_index),
        key(digest_key),
        sync(mode),
        deletes(delete_rule),
        staging(root, index),
        stranded(staging) {}
  ApplyContext(const ApplyContext&) = delete;
  ApplyContext& operator=(const ApplyContext&) = delete;

  sys::Directory root;
  Index& index;  // must outlive this
  sys::DigestKey key;
  SyncMode sync;
  DeleteRule deletes;
  Staging staging;
  StrandedStore stranded;
  OverlayStore* overlays = nullptr;  // outlives this
  ApplyOrigin origin;
  sys::NameCache names;  // made anew for every pass
};

}  // namespace ha::replicator
