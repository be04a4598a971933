/**
 * `LabelSelector`: selects nodes by their labels, in the syntax of Kubernetes: `key`, `!key`,
 * `key=value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key>1`, `key<5`, joined by commas,
 * which mean "and".
 *
 * @module
 */
import { quote } from '@litz/core/internals';

/** The labels of an object. */
export type Labels = Readonly<Record<string, string>>;

/**
 * A label selector of Kubernetes, such as `node-role.kubernetes.io/control-plane` or `a=b,c!=d`.
 */
export class LabelSelector {
  readonly #text: string;
  readonly #requirements: readonly ((labels: Labels) => boolean)[];

  /**
   * Parses a selector. An empty text selects everything, as in Kubernetes.
   *
   * @throws {RangeError} the text is not a selector; the message names the wrong part
   */
  constructor(text: string) {
    this.#text = text;
    this.#requirements = splitRequirements(text).map((part) => readRequirement(part, text));
  }

  matches(labels: Readonly<Record<string, string>>): boolean {
    return this.#requirements.every((holds) => holds(labels));
  }

  toString(): string {
    return this.#text;
  }
}

/** Splits the text at commas outside of parentheses. */
function splitRequirements(text: string): string[] {
  if (text.trim() === '') return [];
  const parts: string[] = [];
  let start = 0;
  let isOpen = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') isOpen = true;
    else if (text[i] === ')') isOpen = false;
    else if (text[i] === ',' && !isOpen) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function readRequirement(part: string, whole: string): (labels: Labels) => boolean {
  const bad = (reason: string): RangeError =>
    new RangeError(`label selector ${quote(whole)}: ${quote(part.trim())}: ${reason}`);
  const { key, not, operator, values } = FORMS.exec(part)?.groups ?? {};
  if (key === undefined) throw bad('expected KEY, !KEY, KEY=VALUE, KEY!=VALUE or KEY in (A,B)');
  checkKey(key, bad);
  if (operator === undefined) {
    return not ? (labels) => !Object.hasOwn(labels, key) : (labels) => Object.hasOwn(labels, key);
  }
  if (not) throw bad('"!" is allowed only before a single key');
  const isSet = operator.endsWith('in');
  const list = /^\((.*)\)$/.exec(values!)?.[1];
  if (isSet !== (list !== undefined)) {
    throw bad(
      isSet ? `expected (A,B) after ${operator}` : 'expected one value, without parentheses',
    );
  }
  const wanted = (list === undefined ? [values!] : list.split(',')).map((value) => value.trim());
  for (const value of wanted) checkValue(value, bad);
  if (operator === '>' || operator === '<') return comparison(key, operator, wanted[0]!, bad);
  const isNegative = operator === '!=' || operator === 'notin';
  // A node without the label has none of the values, so `!=` and `notin` match it.
  return (labels) => (Object.hasOwn(labels, key) && wanted.includes(labels[key]!)) !== isNegative;
}

function comparison(
  key: string,
  operator: '>' | '<',
  text: string,
  bad: (reason: string) => RangeError,
): (labels: Labels) => boolean {
  if (!INTEGER.test(text)) throw bad(`expected an integer after ${operator}`);
  const limit = BigInt(text);
  return (labels) => {
    const value = Object.hasOwn(labels, key) ? labels[key]! : '';
    if (!INTEGER.test(value)) return false;
    return operator === '>' ? BigInt(value) > limit : BigInt(value) < limit;
  };
}

function checkKey(key: string, bad: (reason: string) => RangeError): void {
  const [name, prefix, ...more] = key.split('/').toReversed();
  const isName = NAME.test(name!) && name!.length <= 63;
  const isPrefix = prefix === undefined || (DNS_NAME.test(prefix) && prefix.length <= 253);
  if (isName && isPrefix && more.length === 0) return;
  throw bad(`${quote(key)} is not a label key such as node-role.kubernetes.io/control-plane`);
}

function checkValue(value: string, bad: (reason: string) => RangeError): void {
  if (value === '' || (NAME.test(value) && value.length <= 63)) return;
  throw bad(`${quote(value)} is not a label value`);
}

const FORMS =
  /^\s*(?<not>!)?\s*(?<key>[^\s!=<>(),]+)\s*(?:(?<operator>==|=|!=|<|>|(?<=\s)(?:in|notin)(?=[\s(]))\s*(?<values>[^\s(),=!<>]*|\([^()]*\))\s*)?$/;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const DNS_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const INTEGER = /^-?\d{1,18}$/;

/**
 * The default selector of the nodes that are excluded from the mode `nodes`, so that the API server
 * stays reachable.
 */
export const DEFAULT_OPT_OUT = 'node-role.kubernetes.io/control-plane';
