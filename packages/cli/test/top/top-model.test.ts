import { beforeEach, describe, expect, it } from 'vitest';
import { TopModel } from '../../src/top/top-model.ts';
import { examplePeer, exampleStatus } from '../live/examples.ts';

let model: TopModel;

beforeEach(async () => {
  model = new TopModel();
  model.pageSize = 3;
  model.take(await statusOf([1, 2, 3, 4, 5, 6, 7, 8]));
});

describe('TopModel', () => {
  it('selects the first row until the user picks a peer, which then stays selected', async () => {
    expect(chosen()).toBe('192.0.2.8:51820');
    model.take(await statusOf([1, 9]));
    expect(chosen()).toBe('192.0.2.9:51820');
    model.take(await statusOf([1, 2, 3]));
    press('down');
    expect(chosen()).toBe('192.0.2.2:51820');
    press('r');
    model.take(await statusOf([1, 2, 3, 4, 5]));
    expect(chosen()).toBe('192.0.2.2:51820');
    model.take(await statusOf([1, 3]));
    expect(model.selected).toBe(0);
  });

  it('moves by rows and pages, and not beyond the ends', () => {
    const moves = [
      'up',
      'down',
      'j',
      'k',
      'pagedown',
      'pagedown',
      'pagedown',
      'pageup',
      'home',
      'end',
    ];
    expect(moves.map((key) => (press(key), model.selected))).toEqual([
      0, 1, 2, 1, 4, 7, 7, 4, 0, 7,
    ]);
  });

  it('scrolls only as far as needed', () => {
    const firsts = ['end', 'up', 'up', 'up', 'home'].map((key) => {
      press(key);
      model.scroll();
      return model.first;
    });
    expect(firsts).toEqual([5, 5, 5, 4, 0]);
  });

  it('sorts by the next or the previous column, and reverses the order until the column changes', () => {
    const orders = ['s', 'right', 'left', 'S', 'S'].map((key) => (press(key), model.order));
    expect(orders).toEqual(['sent', 'packets', 'sent', 'received', 'name']);
    press('r');
    expect(model.isReversed).toBe(true);
    press('s');
    expect([model.order, model.isReversed]).toEqual(['received', false]);
  });

  it('finds peers by a text; while the user types the text, keys are characters', () => {
    for (const key of ['/', '2', '.', '3', ':', 'q']) press(key);
    expect([model.filter, model.rows.length]).toEqual(['2.3:q', 0]);
    expect(model.selected).toBe(-1);
    expect([press('backspace'), press('down'), press('return')]).toEqual(['draw', 'draw', 'draw']);
    expect([model.isTyping, model.rows.length, chosen()]).toEqual([false, 1, '192.0.2.3:51820']);
    press('escape');
    expect(model.rows.length).toBe(8);
    for (const key of ['/', 'x', 'escape']) press(key);
    expect([model.isTyping, model.filter]).toEqual([false, '']);
  });

  it('shows no new status while it is paused, and shows the next status after the pause', async () => {
    press('p');
    model.take(await statusOf([1]));
    expect(model.rows.length).toBe(8);
    press('p');
    model.take({ ...(await statusOf([1])), time: 9e12 });
    expect(model.rows.length).toBe(1);
  });

  it('keeps a peer selected while its details are open', async () => {
    press('return');
    model.take(await statusOf([1, 8, 9]));
    expect([model.isOpen, chosen()]).toEqual([true, '192.0.2.8:51820']);
    press('escape');
    expect(model.isOpen).toBe(false);
  });

  it('closes the help with any key', () => {
    press('?');
    expect([press('q'), model.isHelp]).toEqual(['draw', false]);
  });

  it('tells the caller to quit or to suspend; Ctrl-C also quits while the user types a text', () => {
    expect(['q', 'ctrl+c', 'ctrl+z', 'x'].map(press)).toEqual(['quit', 'quit', 'suspend', 'draw']);
    press('/');
    expect(press('ctrl+c')).toBe('quit');
  });
});

function press(key: string): string {
  return model.press(key);
}

function chosen(): string | undefined {
  return model.rows[model.selected]?.endpoint;
}

/** Returns a status in which peer n received n bytes in the last second. */
function statusOf(numbers: number[]) {
  const before = numbers.map((number) => examplePeer(number));
  return exampleStatus(
    before,
    before.map((peer, index) => ({ ...peer, receivedBytes: numbers[index] ?? 0 })),
  );
}
