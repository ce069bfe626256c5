// The folder of one start of a program: its models by name, and where it may write.
#pragma once

#include <string>

#include "base/descriptor.h"
#include "base/result.h"
#include "engine/program/settings.h"

namespace slipway::engine::program {

// models/NAME leads to the files of a model, repository/NAME is the same model as Triton wants it,
// tmp/ is the program's own. All go with this; what others left behind that ended by force is
// removed when the next one is made.
class Folders {
 public:
  static Result<Folders> Make(const Settings& settings);
  ~Folders();
  Folders(Folders&&) noexcept = default;
  Folders& operator=(Folders&&) = delete;

  std::string models() const { return root_ + "/models"; }
  std::string repository() const { return root_ + "/repository"; }
  std::string temporary() const { return root_ + "/tmp"; }
  const std::string& root() const { return root_; }

 private:
  Folders(std::string root, Descriptor lock) : root_(std::move(root)), lock_(std::move(lock)) {}

  std::string root_;
  Descriptor lock_;  // whoever holds it lives
};

// Makes `to` a model of Triton's out of the files of a package: as they are where they are laid out
// so already, else its one model file as version 1 with a config.pbtxt that says what runs it, and
// inputs and outputs where a model.yaml says them and the file does not. Nothing is copied.
// FAILED_PRECONDITION / PROGRAM_REPOSITORY where Triton has nothing for them.
Result<void> LayOutForTriton(const GivenModel& model, const std::string& to);

}  // namespace slipway::engine::program
