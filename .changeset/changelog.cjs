/**
 * The lines of a CHANGELOG.md. All packages have the same version and are used only together, so a
 * new version of a dependency gets no line.
 *
 * @module
 */
exports.getReleaseLine = async ({ summary }) => `- ${summary.trim().replaceAll('\n', '\n  ')}`;
exports.getDependencyReleaseLine = async () => '';
