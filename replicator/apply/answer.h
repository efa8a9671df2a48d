// Answers what the origin asks of the content here: fine signatures of its chunks, or its chunk list.
//
// Thread safety: that of the FileTarget. Errors: those of reading, and of the index; Invalid for a key that
// is none, Refused for one in the staging directory.
#pragma once

#include "common/base/result.h"
#include "replicator/apply/apply_context.h"
#include "replicator/model/frame.h"

namespace ha::replicator {

[[nodiscard]] Result<SignatureReply> answer_signatures(ApplyContext& context,
                                                       const SignatureRequest& request);

}  // namespace ha::replicator
