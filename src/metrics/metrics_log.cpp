#include "metrics/metrics_log.h"

#include "base/file.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace sslrun::metrics {
namespace {

/// The whole lines of `text` whose step is at most `last`, of an evaluation (no loss) at most
/// `last_evaluated`; stops at the first line that is not an object with a step.
std::string lines_up_to(const std::string& text, std::int64_t last, std::int64_t last_evaluated) {
  std::string kept;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    const auto line = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                            text.begin() + static_cast<std::ptrdiff_t>(end),
                                            nullptr,
                                            /*allow_exceptions=*/false);
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number_integer()) break;
    if (line["step"].get<std::int64_t>() <= (line.contains("loss") ? last : last_evaluated))
      kept.append(text, begin, end + 1 - begin);
    begin = end + 1;
  }
  return kept;
}

/// Drops what a resumed run writes again; the path. Always as another file: a process that this one
/// has replaced, and that still runs, then appends to the one that nobody sees.
const std::filesystem::path& cut(const std::filesystem::path& path,
                                 std::int64_t last,
                                 std::int64_t last_evaluated) {
  if (!std::filesystem::exists(path)) return path;
  write_file_atomic(path, lines_up_to(read_file(path), last, last_evaluated));
  return path;
}

}  // namespace

std::string to_json_line(const Record& record) {
  nlohmann::ordered_json line;
  line["step"] = record.step;
  for (const auto& [name, value] : record.values) {
    if (std::isfinite(value)) {
      line[name] = value;
    } else {
      line[name] = nullptr;
    }
  }
  return line.dump() + "\n";
}

MetricsLog::MetricsLog(const std::filesystem::path& path,
                       std::int64_t resume_step,
                       std::int64_t evaluated_step)
    : file_(cut(path, resume_step, evaluated_step)) {}

void MetricsLog::write(const Record& record) {
  file_.write(to_json_line(record));
}

void MetricsLog::sync() const {
  file_.sync();
}

}  // namespace sslrun::metrics
