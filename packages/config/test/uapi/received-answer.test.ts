import { describe, expect, it } from 'vitest';
import { ReceivedAnswer } from '../../src/uapi/received-answer.ts';

describe('ReceivedAnswer', () => {
  it('is complete after an empty line, wherever the bytes are divided', () => {
    const answer = new ReceivedAnswer(100);
    expect(answer.isWhole()).toBe(false);
    for (const piece of ['errno=', '0', '\n']) {
      expect(answer.push(Buffer.from(piece))).toBe(true);
      expect(answer.isWhole()).toBe(false);
    }
    answer.push(Buffer.from('\n'));
    expect(answer.isWhole()).toBe(true);
    expect(answer.takeText()).toBe('errno=0\n\n');
  });

  it('refuses bytes above the limit', () => {
    const answer = new ReceivedAnswer(4);
    expect(answer.push(Buffer.from('1234'))).toBe(true);
    expect(answer.push(Buffer.from('5'))).toBe(false);
  });

  it('wipes the bytes when the text is taken', () => {
    const answer = new ReceivedAnswer(100);
    const bytes = Buffer.from('private_key=01\n\n');
    answer.push(bytes);
    answer.takeText();
    expect(bytes).toEqual(Buffer.alloc(16));
  });
});
