// The calendar in FullCalendar; its events live in its memory and are collected from there.
const $ = (id) => document.getElementById(id);
const place = $('calendar'), dialog = $('dialog'), form = dialog.querySelector('form');
const narrow = matchMedia('(max-width: 44rem)').matches;
let edited; // the event in the dialog, none when it is a new one

const date = (text) => text.slice(0, 10);
const day = (text, by) => { const moved = new Date(`${date(text)}T00:00:00Z`); moved.setUTCDate(moved.getUTCDate() + by); return moved.toISOString().slice(0, 10); };

function open(event, first, last) {
  edited = event;
  form.reset();
  const allDay = event ? event.allDay : true;
  form.title.value = event?.title ?? '';
  form.day.value = date(first);
  form.until.value = last;
  form.allDay.checked = allDay;
  form.start.value = event && !allDay ? event.startStr.slice(11, 16) : '09:00';
  form.end.value = event && !allDay && event.endStr ? event.endStr.slice(11, 16) : '10:00';
  $('times').hidden = allDay;
  $('remove').hidden = !event;
  dialog.showModal();
  form.title.focus();
}

// An all-day event ends before the day after its last one.
const today = () => { const now = new Date(); return [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((n) => String(n).padStart(2, '0')).join('-'); };
const calendar = new FullCalendar.Calendar(place, {
  locale: document.documentElement.lang, initialView: narrow ? 'listMonth' : 'dayGridMonth', height: 'auto', timeZone: 'UTC', now: today(),
  headerToolbar: { left: 'prev,next today', center: 'title', right: narrow ? 'listMonth,dayGridMonth' : 'dayGridMonth,timeGridWeek,listMonth' },
  ...(document.documentElement.lang === 'es' ? { buttonHints: { prev: '$0 anterior', next: '$0 siguiente' } } : {}),
  selectable: true, editable: true, navLinks: false, dayMaxEvents: true, nowIndicator: false, longPressDelay: 300,
  events: JSON.parse(JSON.parse($('events').textContent)),
  select: (range) => open(null, range.startStr, range.allDay ? day(range.endStr, -1) : date(range.startStr)),
  eventClick: ({ event, jsEvent }) => {
    jsEvent.preventDefault();
    open(event, event.startStr, event.allDay ? (event.endStr ? day(event.endStr, -1) : date(event.startStr)) : date(event.endStr || event.startStr));
  },
  eventChange: () => State.changed(), eventAdd: () => State.changed(), eventRemove: () => State.changed(),
});
calendar.render();

const told = () => JSON.stringify(calendar.getEvents().map(({ id, title, startStr, endStr, allDay }) => (
  { id, title, start: startStr.replace(/Z$/, ''), ...(endStr ? { end: endStr.replace(/Z$/, '') } : {}), allDay })));
place.calendar = calendar;
place.collect = () => State.taken(told());
place.restore = (text) => { calendar.removeAllEvents(); for (const event of JSON.parse(text)) calendar.addEvent(event); };

$('new').onclick = () => open(null, today(), today());
$('allDay').onchange = () => { $('times').hidden = $('allDay').checked; };
form.day.onchange = () => { if (form.until.value < form.day.value) form.until.value = form.day.value; };
$('cancel').onclick = () => dialog.close();
$('remove').onclick = () => { edited.remove(); dialog.close(); };
form.onsubmit = () => {
  const last = form.until.value >= form.day.value ? form.until.value : form.day.value;
  const wanted = form.allDay.checked
    ? { start: form.day.value, end: last > form.day.value ? day(last, 1) : null }
    : { start: `${form.day.value}T${form.start.value || '09:00'}:00`, end: `${last}T${form.end.value || '10:00'}:00` };
  if (edited) {
    edited.setProp('title', form.title.value.trim());
    edited.setDates(wanted.start, wanted.end, { allDay: form.allDay.checked });
  } else {
    calendar.addEvent({ id: crypto.randomUUID?.() ?? String(Date.now()), title: form.title.value.trim(), allDay: form.allDay.checked, ...wanted });
  }
};
