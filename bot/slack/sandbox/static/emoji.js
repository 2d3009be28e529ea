// The shortcodes a chat about experiments uses; others are shown as they were written.
const TABLE = `
white_check_mark ✅|heavy_check_mark ✔️|x ❌|warning ⚠️|rotating_light 🚨|no_entry ⛔|no_entry_sign 🚫|question ❓|exclamation ❗
rocket 🚀|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|bar_chart 📊|dart 🎯|hourglass ⌛|hourglass_flowing_sand ⏳|alarm_clock ⏰
calendar 📅|date 📅|memo 📝|bulb 💡|mag 🔍|mag_right 🔎|microscope 🔬|test_tube 🧪|gear ⚙️|wrench 🔧|hammer 🔨|hammer_and_wrench 🛠️|robot_face 🤖
eyes 👀|thumbsup 👍|+1 👍|thumbsdown 👎|-1 👎|clap 👏|pray 🙏|wave 👋|raised_hands 🙌|muscle 💪|point_right 👉|point_left 👈|ok_hand 👌
tada 🎉|sparkles ✨|star ⭐|fire 🔥|100 💯|heart ❤️|trophy 🏆|medal 🏅|gem 💎|crown 👑|gift 🎁|seedling 🌱|palm_tree 🌴|herb 🌿
smile 😄|smiley 😃|grinning 😀|slightly_smiling_face 🙂|wink 😉|thinking_face 🤔|neutral_face 😐|disappointed 😞|cry 😢|sob 😭|joy 😂|sweat_smile 😅|sunglasses 😎|zzz 💤|sleeping 😴
red_circle 🔴|large_green_circle 🟢|green_circle 🟢|large_yellow_circle 🟡|yellow_circle 🟡|large_blue_circle 🔵|white_circle ⚪|black_circle ⚫|large_orange_circle 🟠
large_green_square 🟩|large_red_square 🟥|large_yellow_square 🟨|white_large_square ⬜|black_large_square ⬛|small_blue_diamond 🔹|small_orange_diamond 🔸
arrow_up ⬆️|arrow_down ⬇️|arrow_right ➡️|arrow_left ⬅️|arrow_upper_right ↗️|arrow_lower_right ↘️|repeat 🔁|arrows_counterclockwise 🔄|rewind ⏪|fast_forward ⏩
double_vertical_bar ⏸️|pause_button ⏸️|arrow_forward ▶️|black_square_for_stop ⏹️|stop_button ⏹️|octagonal_sign 🛑|construction 🚧|traffic_light 🚥|vertical_traffic_light 🚦|checkered_flag 🏁
lock 🔒|unlock 🔓|key 🔑|shield 🛡️|bell 🔔|no_bell 🔕|mailbox 📫|mailbox_with_mail 📬|email 📧|envelope 📧|inbox_tray 📥|outbox_tray 📤|speech_balloon 💬|thought_balloon 💭|loudspeaker 📢|mega 📣
link 🔗|paperclip 📎|pushpin 📌|bookmark 🔖|books 📚|book 📖|package 📦|shopping_trolley 🛒|credit_card 💳|moneybag 💰|dollar 💵|scales ⚖️|information_source ℹ️|computer 💻|iphone 📱
skull 💀|ghost 👻|bug 🐛|snail 🐌|turtle 🐢|rabbit 🐇|unicorn_face 🦄|sun_with_face 🌞|sunny ☀️|cloud ☁️|umbrella ☔|snowflake ❄️|ocean 🌊|coffee ☕|pizza 🍕|beer 🍺|birthday 🎂
bust_in_silhouette 👤|busts_in_silhouette 👥|technologist 🧑‍💻|scientist 🧑‍🔬|one 1️⃣|two 2️⃣|three 3️⃣|heavy_plus_sign ➕|heavy_minus_sign ➖|crystal_ball 🔮|compass 🧭|world_map 🗺️|telescope 🔭|label 🏷️|ballot_box_with_check ☑️|black_flag 🏴|triangular_flag_on_post 🚩
`;
const EMOJI = new Map(TABLE.trim().split(/[|\n]/).map((pair) => pair.split(" ")));

export function emoji(name) {
  return EMOJI.get(name) || `:${name}:`;
}
