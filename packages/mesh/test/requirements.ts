/**
 * The requirements of the tests of this package.
 *
 * @module
 */
import { NetworkNamespace } from '@litz/sys';
import { programRequirement, requirement, type Requirement } from '@litz/testkit';

export const namespaces: Requirement = requirement('the right to make network namespaces', () =>
  NetworkNamespace.create().close(),
);

export const ipProgram: Requirement = programRequirement('ip', ['-V']);
export const nftProgram: Requirement = programRequirement('nft');
