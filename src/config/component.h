#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sslrun::config {

class Fields;

/// The keys of one method, encoder, optimizer or operation. bind() names each once: it reads, validates and documents them.
struct Component {
  virtual ~Component() = default;
  virtual void bind(Fields& fields) = 0;
};

/// One row of a registry. make() gives the component with its defaults.
struct ComponentSpec {
  std::string_view name, summary, source;
  std::unique_ptr<Component> (*make)();
};

using Registry = std::span<const ComponentSpec* const>;

/// A component that a recipe chose, with the values it was given.
struct NamedComponent {
  std::string name;
  std::shared_ptr<Component> config;
};

}  // namespace sslrun::config
