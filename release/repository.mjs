/**
 * `repositoryFields` returns the fields of a manifest that name the repository. `checkRepository`
 * checks before a release that npm will accept this repository.
 *
 * @module
 */

/**
 * Returns the fields of a manifest that say where the package comes from. The address of the
 * repository is only in the manifest of the workspace, so it is the same for all packages. If the
 * workspace has none, the object is empty.
 *
 * @param {Record<string, any>} workspace the manifest of the workspace
 * @param {string} name the folder of the package
 */
export function repositoryFields({ repository }, name) {
  if (!repository) return {};
  const page = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  return {
    homepage: `${page}/tree/main/packages/${name}#readme`,
    bugs: `${page}/issues`,
    repository: { type: 'git', url: repository.url, directory: `packages/${name}` },
  };
}

/**
 * Throws if npm would refuse the provenance. npm itself would refuse it only after all packages
 * have been packed and checked.
 */
export function checkRepository({ repository }, env = process.env) {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = env;
  if (!repository) {
    throw new Error(
      'package.json has no "repository": npm needs it for the provenance. ' +
        'Add { "type": "git", "url": "git+https://.../litz.git" }',
    );
  }
  const url = `git+${server}/${name}.git`;
  if (repository.url === url) return;
  throw new Error(
    `the "repository" of package.json is ${repository.url}, but this workflow runs in ${url}`,
  );
}
