/** Simulated network and clock, conformance suites, packet builders.
 *
 * @module
 */
export {
  describeWith,
  missingRequirements,
  programRequirement,
  requirement,
  type Requirement,
} from './requirements.ts';
