#include "engine/accelerator.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/testing/temporary_folder.h"

namespace slipway::engine {
namespace {

const Gpu kNvidia{
    .ordinal = 0, .name = "H100", .uuid = "GPU-0", .memory_bytes = uint64_t{80} << 30};
const Gpu kIntel{.ordinal = 0, .name = "Intel GPU 0x56a0", .uuid = {}, .memory_bytes = 0};

TEST(ChooseAmong, TakesTheGpuThatTheEngineComputesOn) {
  EXPECT_EQ(ChooseAmong({kNvidia}, {kIntel}, "CUDA, CPU", "onnx")->name, "H100");
  EXPECT_EQ(ChooseAmong({kNvidia}, {kIntel}, "CPU, GPU", "openvino")->name, "Intel GPU 0x56a0");
  EXPECT_EQ(ChooseAmong({}, {kIntel}, "CPU, GPU.0, GPU.1", "tflite")->name, "Intel GPU 0x56a0");
}

TEST(ChooseAmong, SaysWhichGpuTheEngineHasNoUseFor) {
  const auto of_nvidia = ChooseAmong({kNvidia}, {}, "CPU, GPU", "openvino");
  ASSERT_TRUE(of_nvidia.has_error());
  EXPECT_EQ(of_nvidia.error().reason(), "GPU_UNSUPPORTED");
  EXPECT_NE(of_nvidia.error().message().find("(H100, 81920 MiB)"), std::string::npos);
  const auto of_intel = ChooseAmong({}, {kIntel}, "CPU", "openvino");
  ASSERT_TRUE(of_intel.has_error());
  EXPECT_NE(of_intel.error().message().find("(Intel GPU 0x56a0), but the engine for openvino "
                                            "computes on CPU alone here"),
            std::string::npos)
      << of_intel.error().message();
  EXPECT_TRUE(ChooseAmong({}, {kIntel}, "CUDA, CPU", "onnx").has_error());
}

void Make(const std::filesystem::path& node, const char* vendor, const char* model) {
  std::filesystem::create_directories(node / "device");
  std::ofstream(node / "device/vendor") << vendor << "\n";
  std::ofstream(node / "device/device") << model << "\n";
}

TEST(FindIntelGpus, AreTheRenderNodesOfIntel) {
  const TemporaryFolder folder;
  EXPECT_TRUE(FindIntelGpus(folder / "missing").empty());
  Make(folder / "renderD128", "0x10de", "0x2330");
  Make(folder / "renderD129", "0x8086", "0x56a0");
  Make(folder / "card1", "0x8086", "0x56a0");
  std::filesystem::create_directories(folder / "renderD130");
  const auto gpus = FindIntelGpus(folder.path());
  ASSERT_EQ(gpus.size(), 1);
  EXPECT_EQ(gpus[0].name, "Intel GPU 0x56a0");
  EXPECT_FALSE(UseOf(gpus[0]).has_value());
}

}  // namespace
}  // namespace slipway::engine
