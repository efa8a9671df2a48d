// The pristine copies of one set at this site, and the patterns that its files are altered with.
//
// A copy is written before the altered file is renamed into place (next), and becomes the current one after
// that; pristine_of() sorts out what a kill has left in between. Not here: altering the live file
// (publisher_overlay.cpp, overlay_align.h). Thread safety: one call at a time; readers of copies elsewhere
// see whole files only. Source: docs/overlays.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "replicator/model/overlay.h"

namespace ha::replicator {

// What is to be done with an altered file that was edited.
enum class OverlayRole : std::uint8_t {
  Replica,   // nothing: it is drift
  Holder,    // undo what can be undone, else it cannot be told
  LastLook,  // of a former holder: undo what can be undone, else it counts as it stands
};

// "overlay.no_match", "overlay.failed"
using OverlayEvent = std::function<void(const char* event, BytesView key, const std::string& reason)>;

class OverlayStore final : public PristineView {
 public:
  using Rules = std::map<std::string, std::vector<OverlayRule>>;

  // `root` must outlive it. Invalid for rules that the configuration should have refused.
  [[nodiscard]] static Result<std::unique_ptr<OverlayStore>> open(const sys::Directory& root,
                                                                  const Rules& rules, OverlayEvent on_event);

  void set_role(OverlayRole role) noexcept { role_ = role; }
  [[nodiscard]] OverlayRole role() const noexcept { return role_; }
  // Looks up which copies there are, once; nothing else may be asked before it was good. Conflict and others
  // for a staging directory that is not ours or cannot be read: may be asked again.
  Status know_copies();
  // The root leads elsewhere now.
  void forget_copies() noexcept { known_ = false; }

  // There is a rule for it, or a copy.
  [[nodiscard]] bool covers(BytesView key) const override;
  [[nodiscard]] Result<std::optional<Bytes>> pristine_of(BytesView key, BytesView live) override;
  [[nodiscard]] std::vector<Bytes> keys() const;
  // Null if there is no rule.
  [[nodiscard]] const Overlay* overlay(BytesView key) const;

  // None when there is none, or when it is damaged.
  [[nodiscard]] std::optional<Pristine> current(BytesView key) const;
  Status save(BytesView key, const Pristine& pristine);       // as the current one, which ends a next one
  Status save_next(BytesView key, const Pristine& pristine);  // durable when it returns
  Status promote(BytesView key);
  Status drop(BytesView key);  // both
  // Once for each key and reason.
  void tell(const char* event, BytesView key, const std::string& reason);

 private:
  OverlayStore(const sys::Directory& root, OverlayEvent on_event)
      : root_(&root), on_event_(std::move(on_event)) {}
  [[nodiscard]] Result<std::optional<Pristine>> load(const Bytes& path) const;
  [[nodiscard]] Result<std::optional<Bytes>> undo_edit(BytesView key, BytesView live,
                                                       const std::optional<Pristine>& current,
                                                       bool is_between);
  Status write(const char* store, BytesView key, const Pristine& pristine);
  Status remove(const char* store, BytesView key);
  Status make_parents(const Bytes& path) const;

  const sys::Directory* root_;
  OverlayEvent on_event_;
  OverlayRole role_ = OverlayRole::Replica;
  std::map<Bytes, Overlay, std::less<>> overlays_;
  bool known_ = false;
  std::set<Bytes, std::less<>> copies_;
  std::map<std::pair<std::string, Bytes>, std::string> told_;  // by event and key
};

// What `pristine` becomes at this site; none when the overlay cannot be applied to it. Tells of that, and of
// patterns that match nothing.
[[nodiscard]] std::optional<Pristine> apply_overlay(OverlayStore& overlays, const Overlay& overlay,
                                                    BytesView key, BytesView pristine);

}  // namespace ha::replicator
