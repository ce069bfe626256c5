#include "resource/explain.h"

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "resource/kinds.h"

namespace slipway::resource {
namespace {

Result<std::string> ExplainText(std::string_view path) {
  TRY(explanation, Explain(path));
  return TextOf(explanation);
}

TEST(Explain, TellsAField) {
  Result<std::string> text = ExplainText("service.spec.predictor");
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(
      *text,
      "service.spec.predictor  (ModelSettings, required)\n"
      "  What is behind the endpoint.\n"
      "  A model and how to run it; a change makes a revision.\n"
      "\n"
      "Fields:\n"
      "  model  (string, at most 512 bytes, format reference)\n"
      "      NAME:TAG or NAME@sha256:...; a tag is pinned when it is admitted. A program knows it "
      "by\n"
      "      the name model, and may do without.\n"
      "  threads  (integer, 0 to 1024, default 0)\n"
      "      Threads within one run of the engine; 0: chosen.\n"
      "  instances  (integer, 0 to 64, default 0)\n"
      "      Runs at the same time; 0: chosen, as many as serve has engine threads.\n"
      "  batching  (BatchingSettings)\n"
      "      How requests wait and share runs; default: none shares one.\n"
      "  isolation  (string, shared | process)\n"
      "      shared: in the process of the data plane. process: in one of its own, whose crash "
      "harms no\n"
      "      other model. Default: shared.\n"
      "  warmup  (string, at most 1024 bytes, format file-path)\n"
      "      Path, among the model's files, of a file with a V2 request in each line: the model "
      "answers\n"
      "      them before the revision gets traffic, and one that it does not answer fails the "
      "revision.\n"
      "  accelerator  (string, cpu | gpu | gpuPreferred, default \"cpu\")\n"
      "      What computes: cpu; gpu, without which the revision fails; or gpuPreferred, which "
      "takes\n"
      "      the processor where there is no GPU that the engine can use, and says so.\n"
      "  models  (list of MountedModel, at most 16 items)\n"
      "      Models that the program is given; all of them are there before it is loaded.\n"
      "  program  (ProgramSettings)\n"
      "      Code that answers in the place of an engine, and reads the models.\n");
}

TEST(Explain, TellsEveryKindAndEveryField) {
  Result<std::string> all = ExplainText("");
  ASSERT_THAT(all, IsOk());
  for (const KindInfo& kind : Kinds()) {
    EXPECT_NE(all->find(kind.singular), std::string::npos);
    EXPECT_THAT(ExplainText(kind.plural), IsOk());
    for (const TypeInfo* part : {kind.spec, kind.status}) {
      std::string path = std::string(kind.kind) + (part == kind.spec ? ".spec" : ".status");
      EXPECT_THAT(ExplainText(path), IsOk());
      EXPECT_FALSE(part->text.empty()) << path;
      for (const FieldInfo& field : part->fields) {
        EXPECT_THAT(ExplainText(path + "." + field.json_name), IsOk());
        EXPECT_FALSE(field.text.text.empty()) << path << "." << field.json_name;
      }
    }
  }
}

TEST(Explain, TellsAKind) {
  Result<std::string> text = ExplainText("modelversion");
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(text->substr(0, text->find("\n\nFields:\n  metadata  (Metadata)\n")),
            "ModelVersion\n"
            "  " +
                std::string(FindKind("modelversion")->text) +
                "\n"
                "\n"
                "  Belongs to a project: /api/v1/projects/PROJECT/modelversions\n"
                "  Made by the system: it can be read and deleted, not written.");
}

TEST(Explain, PassesThroughListsAndMaps) {
  Result<std::string> text = ExplainText("modelversion.spec.files.sizeBytes");
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(*text,
            "modelversion.spec.files.sizeBytes  (integer, at least 0)\n"
            "  Size of its layer in bytes.\n");
  EXPECT_THAT(ExplainText("service.metadata.owners.uid"), IsOk());
}

TEST(Explain, NamesWhatThereIs) {
  EXPECT_THAT(ExplainText("tree"), IsError(Code::kNotFound, "KIND_UNKNOWN"));
  EXPECT_THAT(ExplainText("service.body"), IsError(Code::kNotFound, "FIELD_UNKNOWN"));
  Result<std::string> text = ExplainText("service.spec.colour");
  ASSERT_THAT(text, IsError(Code::kNotFound, "FIELD_UNKNOWN"));
  EXPECT_EQ(
      text.error().message(),
      "service.spec has no field \"colour\"; it has predictor, follow, access, timeout, traffic, "
      "canary, scaling, limits");
  EXPECT_THAT(ExplainText("service.spec.follow.x"), IsError(Code::kNotFound, "FIELD_UNKNOWN"));
}

}  // namespace
}  // namespace slipway::resource
